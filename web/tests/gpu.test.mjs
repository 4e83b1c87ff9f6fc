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
  assert.equal(deviations.length, 24);
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
