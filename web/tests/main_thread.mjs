// How long the main thread of a page is busy at a time, in its own time: what it waits for a busy processor is not its fault.

const CATEGORIES = ['toplevel', 'disabled-by-default-devtools.timeline', '__metadata'];

/**
 * Does something under the eyes of the browser: what it gives, and the longest task of the page's main thread meanwhile.
 *
 * @template T
 * @param {{ startTracing(page: any, options: { categories: string[] }): Promise<void>, stopTracing(): Promise<Buffer> }} browser
 * @param {unknown} page
 * @param {() => Promise<T>} action
 * @returns {Promise<{ value: T, longestTaskMs: number }>}
 */
export async function watched(browser, page, action) {
  await browser.startTracing(page, { categories: CATEGORIES });
  const value = await action();
  const trace = JSON.parse(String(await browser.stopTracing()));
  return { value, longestTaskMs: longestTaskMs(trace.traceEvents) };
}

/** @param {{ name: string, ph: string, pid: number, tid: number, tdur?: number, args: { name?: string } }[]} events */
function longestTaskMs(events) {
  const thread = (/** @type {{ pid: number, tid: number }} */ { pid, tid }) => `${pid} ${tid}`;
  const mains = new Set(events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(thread));
  const tasks = events.filter((event) => event.ph === 'X' && event.name.endsWith('RunTask') && mains.has(thread(event)));
  return Math.max(...tasks.map(({ tdur }) => (tdur ?? 0) / 1000));
}
