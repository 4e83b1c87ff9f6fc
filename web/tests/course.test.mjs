// A device that is lost in the middle of a training.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { root } from './browser.mjs';
import { temporaryFolder } from './native.mjs';

const LOSS = JSON.stringify({ code: 'device-lost', message: 'the device was lost' });

const bundle = join(temporaryFolder(), 'course.mjs');
await build({ entryPoints: [join(root, 'web/ts/course.ts')], bundle: true, format: 'esm', outfile: bundle, logLevel: 'error' });
const { train } = await import(pathToFileURL(bundle));

/** A training of 10 steps that loses its device before some; what it has done. */
function course(losses, keptSteps) {
  const done = [];
  let step = 0;
  let from = 0;
  const store = { restore: async () => (from = keptSteps), afterStep: async () => {}, finish: async () => void done.push('finish') };
  const outcome = train({
    session: { checkpoints: () => [4, 2], keep_checkpoints: () => (from = 4) },
    keeper: keptSteps ? store : undefined,
    start: () => void done.push(`start after ${(step = from)}`),
    async advance() {
      if (losses[0] === step + 1) throw losses.shift() && LOSS;
      if (step === 10) return { metrics: {}, stopped: false };
      done.push(++step);
      return null;
    },
    progress: () => ({ step, total: 10 }),
    between: async () => {},
    reopen: async () => void done.push('reopen'),
    tell: (event) => void done.push(`${event.type} after ${event.step}: ${event.diagnostic.code}`),
  });
  return { done, outcome };
}

test('the training goes on from the store once', async () => {
  const { done, outcome } = course([8], 6);
  assert.deepEqual(await outcome, { metrics: {}, stopped: false });
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6, 7, 'reopen', 'start after 6', 'restarted after 6: device-lost', 7, 8, 9, 10, 'finish']);
});

test('without a store it goes on from the newest checkpoint in memory', async () => {
  const { done, outcome } = course([6], 0);
  await outcome;
  assert.deepEqual(done.slice(5), ['reopen', 'start after 4', 'restarted after 4: device-lost', 5, 6, 7, 8, 9, 10]);
});

test('a second loss ends it', async () => {
  const { done, outcome } = course([8, 9], 6);
  await assert.rejects(outcome, (error) => error === LOSS);
  assert.equal(done.at(-1), 8);
});
