/** How long a lock is waited for: a tab that was closed a moment ago may still have it. */
const PATIENCE_MS = 1000;

/** Takes a lock, unless another tab keeps it; what lets it go again. It goes with the tab in any case. */
export async function tryLock(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const hold = (): Promise<void> => new Promise((release) => resolve(release));
    navigator.locks.request(name, { signal: AbortSignal.timeout(PATIENCE_MS) }, hold).catch((error: unknown) => {
      const isTaken = error instanceof DOMException && ['AbortError', 'TimeoutError'].includes(error.name);
      if (isTaken) resolve(undefined);
      else reject(error);
    });
  });
}

/** The names of all locks that some tab has. */
export async function locked(): Promise<string[]> {
  return ((await navigator.locks.query()).held ?? []).map(({ name }) => name ?? '');
}
