// A browser with a profile on the disk, whose tabs can be killed, and in it trainings of a very small model.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { LAUNCH, openSite } from './browser.mjs';
import { temporaryFolder } from './native.mjs';

/** Many kinds of what a run keeps: evaluations, a best model, checkpoints that go, a last one. */
export const ARGUMENTS = {
  ignore_mismatched_sizes: true,
  max_seq_length: 32,
  per_device_train_batch_size: 4,
  num_train_epochs: 6,
  learning_rate: 0.01,
  logging_steps: 7,
  eval_strategy: 'steps',
  eval_steps: 10,
  save_steps: 10,
  save_total_limit: 2,
  load_best_model_at_end: true,
};
export const STEPS = 60;

/** A site, and a browser that keeps what its pages store, also when it is started again. */
export async function openBrowser() {
  const site = await openSite();
  // Where there is a place in memory, flushes do not wait for the disk.
  const profile = existsSync('/dev/shm') ? mkdtempSync('/dev/shm/rtrain-web-') : temporaryFolder();
  let context;
  const start = async () => (context = await chromium.launchPersistentContext(profile, LAUNCH));
  await start();
  const processes = async () => {
    const client = await context.browser().newBrowserCDPSession();
    return (await client.send('SystemInfo.getProcessInfo')).processInfo;
  };
  return {
    address: site.address,
    /** Opens a tab. */
    async tab(address = site.address) {
      const page = await context.newPage();
      await page.goto(address);
      await page.waitForFunction(() => window.ready);
      await page.addScriptTag({ url: '/kept.js' });
      return page;
    },
    /** What kills the processes of all tabs, or of the browser, which then starts again. */
    async executioner(isWhole) {
      const all = await processes();
      const victims = all.filter(({ type }) => type === (isWhole ? 'browser' : 'renderer'));
      const closed = new Promise((resolve) => context.once('close', resolve));
      return async () => {
        for (const { id } of victims) process.kill(id, 'SIGKILL');
        // The browser ends with its last tab: the empty one that it began with stays.
        if (!isWhole) return Promise.all(context.pages().slice(1).map((page) => page.close()));
        await closed;
        await start();
      };
    },
    /** Sets what the site may store, or leaves it to the browser again. */
    async limit(page, bytes) {
      const client = await context.newCDPSession(page);
      await client.send('Storage.overrideQuotaForOrigin', { origin: new URL(site.address).origin, quotaSize: bytes });
    },
    async close() {
      await context.close();
      site.close();
      rmSync(profile, { recursive: true });
    },
  };
}
