// The GPU of a browser: its kernels against the processor, and what happens where there is none, or where it is lost.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPage, SOFTWARE_GPU } from './browser.mjs';

let browser;
before(async () => {
  browser = await openPage(SOFTWARE_GPU);
});
after(() => browser.close());

test('kernels compute what those of the processor do', async (t) => {
  const { device, deviations } = await browser.page.evaluate(async () => {
    const trainer = await Trainer.create({ device: 'webgpu' });
    const found = { device: trainer.device, deviations: await trainer.selfCheck() };
    trainer.dispose();
    return found;
  });
  assert.deepEqual([device.kind, device.isSoftware], ['webgpu', true]);
  assert.equal(deviations.length, 48);
  const shares = deviations.map(({ share }) => share);
  t.diagnostic(`largest deviation on ${device.name}: ${Math.max(...shares).toExponential(1)}`);
  assert.ok(shares.every((share) => share < 1e-4), JSON.stringify(deviations));
});

test('a processor that plays a GPU is taken only where it is asked for', async () => {
  const kind = await browser.page.evaluate(async () => {
    const trainer = await Trainer.create();
    trainer.dispose();
    return trainer.device.kind;
  });
  assert.equal(kind, 'cpu');
});

test('what a GPU cannot do is said', async () => {
  const found = await browser.page.evaluate(async () => {
    const trainer = await Trainer.create({ device: 'webgpu' });
    const asArgument = await diagnostic(trainer.setArguments({ device: 'cpu' }));
    await trainer.loadModel('/reviews/model/');
    await trainer.loadTable('train', await file('/reviews/train.csv'), 'train.csv');
    await trainer.setArguments({ bf16: true });
    const inBf16 = await diagnostic(trainer.train(() => {}));
    trainer.dispose();
    return [asArgument.code, inBf16.code];
  });
  assert.deepEqual(found, ['unsupported-argument', 'argument-conflict']);
});

/** Trains, and ends the GPU when these steps are done; the events, the weights, and what was said of an error. */
function trainAndLose(steps) {
  return browser.page.evaluate(async (steps) => {
    const trainer = await Trainer.create({ device: 'webgpu' });
    await trainer.loadModel('/reviews/model/');
    await trainer.loadTable('train', await file('/reviews/train.csv'), 'train.csv');
    await trainer.setArguments({ max_steps: 12, save_steps: 4, per_device_train_batch_size: 4, max_train_samples: 48, max_seq_length: 16 });
    const events = [];
    const left = [...steps];
    const training = trainer.train((event) => {
      events.push(event);
      if (event.type !== 'step' || event.step !== left[0]) return;
      left.shift();
      void trainer.loseDevice();
    });
    const outcome = await training.then(() => undefined, (error) => error.diagnostic);
    const weights = outcome ? undefined : (await trainer.files()).get('model.safetensors');
    const hash = weights && weights.reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, 7);
    trainer.dispose();
    return { events, outcome, hash };
  }, steps);
}

test('a GPU that is lost is opened anew once, and the training ends in the weights that it would have had', async () => {
  const [undisturbed, disturbed] = [await trainAndLose([]), await trainAndLose([6])];
  const restarts = disturbed.events.filter(({ type }) => type === 'restarted');
  assert.equal(undisturbed.outcome, undefined);
  assert.equal(disturbed.outcome, undefined, JSON.stringify(disturbed.outcome));
  assert.equal(restarts.length, 1);
  assert.equal(restarts[0].step, 4);
  assert.equal(restarts[0].diagnostic.code, 'device-lost');
  assert.ok(undisturbed.hash);
  assert.equal(disturbed.hash, undisturbed.hash);
});

test('a GPU that is lost again ends the training with the reason', async () => {
  const { events, outcome } = await trainAndLose([6, 9]);
  assert.equal(events.filter(({ type }) => type === 'restarted').length, 1);
  assert.equal(outcome.code, 'device-lost');
  assert.match(outcome.hint, /resume/);
});
