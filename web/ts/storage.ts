import { RtrainError } from './types.js';

/** The file system that a browser keeps for a site, as far as it is not in the types of every browser. */
interface SyncAccessHandle {
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(bytes: number): void;
  flush(): void;
  close(): void;
}

type Writable = FileSystemFileHandle & { createSyncAccessHandle?(): Promise<SyncAccessHandle> };

/** A file that is written from its begin. */
export interface Output {
  /** Takes bytes, which may change afterwards. What fails is told by `close`. */
  write(bytes: Uint8Array): void;
  /** Lets the disk have all of it. */
  close(): Promise<void>;
}

/** The folder of this site, and in it one of rtrain. */
export async function root(): Promise<FileSystemDirectoryHandle> {
  try {
    const whole = await navigator.storage.getDirectory();
    return await whole.getDirectoryHandle('rtrain', { create: true });
  } catch (error) {
    throw new RtrainError({
      code: 'storage-unavailable',
      severity: 'warning',
      message: 'this training cannot be kept: the browser gives this page no place for files',
      found: self.isSecureContext ? String(error) : 'a page that is not secure',
      hint: 'open the page by https or from localhost, and not in a private window',
    });
  }
}

export async function create(folder: FileSystemDirectoryHandle, name: string): Promise<Output> {
  const file: Writable = await folder.getFileHandle(name, { create: true });
  if (!file.createSyncAccessHandle) return streamed(await file.createWritable());
  const handle = await file.createSyncAccessHandle();
  try {
    handle.truncate(0);
  } catch (error) {
    handle.close();
    throw error;
  }
  return direct(handle);
}

function direct(handle: SyncAccessHandle): Output {
  let at = 0;
  let failure: unknown;
  return {
    write(bytes) {
      if (failure !== undefined) return;
      try {
        const written = handle.write(bytes, { at });
        if (written !== bytes.length) throw new DOMException(`${written} of ${bytes.length} bytes were written`, 'QuotaExceededError');
        at += written;
      } catch (error) {
        failure = error;
      }
    },
    async close() {
      try {
        if (failure === undefined) handle.flush();
      } finally {
        handle.close();
      }
      if (failure !== undefined) throw failure;
    },
  };
}

/** For browsers that have no other way: the bytes are copied, and written in the background. */
function streamed(stream: FileSystemWritableFileStream): Output {
  let written: Promise<unknown> = Promise.resolve();
  return {
    write(bytes) {
      const copy = bytes.slice();
      written = written.then(() => stream.write(copy));
      // It is told by `close`.
      written.catch(() => {});
    },
    async close() {
      try {
        await written;
      } catch (error) {
        await stream.abort();
        throw error;
      }
      await stream.close();
    },
  };
}

/** Writes a file of text that says itself whether it is whole. */
export async function writeRecord(folder: FileSystemDirectoryHandle, name: string, value: unknown): Promise<void> {
  const text = JSON.stringify(value);
  const output = await create(folder, name);
  output.write(new TextEncoder().encode(`${text}\n${await sha256(new TextEncoder().encode(text))}\n`));
  await output.close();
}

/** Reads what `writeRecord` wrote; nothing where it is not there or not whole, or is being written. */
export async function readRecord<T>(folder: FileSystemDirectoryHandle, name: string): Promise<T | undefined> {
  const lines = (await text(folder, name))?.split('\n');
  if (lines?.length !== 3 || lines[1] !== (await sha256(new TextEncoder().encode(lines[0])))) return undefined;
  return JSON.parse(lines[0] as string) as T;
}

/** The text of a file; nothing where it changes while it is read. */
async function text(folder: FileSystemDirectoryHandle, name: string): Promise<string | undefined> {
  try {
    return await (await file(folder, name))?.text();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotReadableError') return undefined;
    throw error;
  }
}

/** A file of a folder; nothing where it is not there. */
export async function file(folder: FileSystemDirectoryHandle, name: string): Promise<File | undefined> {
  try {
    return await (await folder.getFileHandle(name)).getFile();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export async function remove(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await folder.removeEntry(name, { recursive: true });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

export async function names(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const names = [];
  for await (const name of folder.keys()) names.push(name);
  return names.sort();
}

/** The checksum by which a content is known, in hexadecimal digits. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Says now that so many bytes have no room. */
export async function checkRoom(bytes: number): Promise<void> {
  const { free } = await room();
  if (free < bytes) throw await full(bytes);
}

/** What is said of an error of a store that was to take so many bytes. */
export async function storeError(error: unknown, bytes: number): Promise<RtrainError> {
  if (error instanceof RtrainError) return error;
  if (error instanceof DOMException && error.name === 'QuotaExceededError') return full(bytes);
  return new RtrainError({
    code: 'storage-failed',
    severity: 'warning',
    message: `the browser could not keep this training: ${String(error)}`,
    hint: 'the training goes on; keep the tab open until it has ended, and save its result',
  });
}

async function full(bytes: number): Promise<RtrainError> {
  const { free, quota } = await room();
  return new RtrainError({
    code: 'storage-full',
    severity: 'warning',
    message: 'the browser has no room to keep this training',
    expected: `${bytes} bytes free`,
    // Some browsers report more than they give.
    found: free < bytes ? `${free} bytes free of the ${quota} that it gives to this site` : 'fewer; the browser does not say how many',
    hint: 'discard kept trainings that are not needed, save fewer checkpoints, or free space on the disk',
  });
}

async function room(): Promise<{ free: number; quota: number }> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate();
  return { free: Math.max(quota - usage, 0), quota };
}

function isMissing(error: unknown): boolean {
  return error instanceof DOMException && (error.name === 'NotFoundError' || error.name === 'TypeMismatchError');
}
