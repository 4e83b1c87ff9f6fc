// A real pretrained model of 90 MB.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPage, SOFTWARE_GPU } from './browser.mjs';
import { watched } from './main_thread.mjs';

/** A processor that plays a GPU is slow. */
const WORK = { cpu: { steps: 4, rows: 16 }, webgpu: { steps: 2, rows: 2 } };

let browser;
before(async () => (browser = await openPage(SOFTWARE_GPU)));
after(() => browser.close());

for (const [device, { steps, rows }] of Object.entries(WORK)) test(`MiniLM loads from files and takes training steps, on ${device}`, async (t) => {
  const { page } = browser;
  const training = await watched(browser.browser, page, () =>
    page.evaluate(async ({ device, steps, rows }) => {
      const trainer = (window.trainer = await Trainer.create({ device }));
      const names = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
      const files = await Promise.all(names.map((name) => file(`/minilm/${name}`)));
      const began = performance.now();
      const model = await trainer.loadModel(files);
      const loaded = performance.now() - began;
      await trainer.loadTable('train', await file('/reviews/train.csv'), 'train.csv');
      await trainer.setArguments({ per_device_train_batch_size: rows, max_steps: steps, max_train_samples: 200, save_strategy: 'no' });
      const moments = [];
      const losses = [];
      await trainer.train((event) => {
        if (event.type !== 'step') return;
        moments.push(performance.now());
        losses.push(event.loss);
      });
      return { model, loaded, moments, losses, trained: await trainer.memory() };
    }, { device, steps, rows }),
  );
  const saving = await page.evaluate(async () => {
    const [prediction] = await trainer.predict(['A perfectly pleasant comedy.']);
    const sizes = [...(await trainer.files())].map(([name, bytes]) => [name, bytes.length]);
    const saved = await trainer.memory();
    trainer.dispose();
    return { prediction, sizes, saved };
  });
  const run = { ...training.value, ...saving };
  assert.ok(run.model.parameters > 22e6 && run.model.layers === 6, JSON.stringify(run.model));
  assert.equal(run.losses.length, steps);
  assert.ok(run.losses.every((loss) => loss > 0 && loss < 2), `${run.losses}`);
  assert.ok(training.longestTaskMs > 0 && training.longestTaskMs < 50, `a task of ${training.longestTaskMs} ms on the main thread`);
  assert.ok(run.prediction.score > 0.5);
  assert.ok(Object.fromEntries(run.sizes)['model.safetensors'] > 90e6);
  const seconds = (run.moments.at(-1) - run.moments[0]) / 1000 / (steps - 1);
  const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(0);
  t.diagnostic(`loads in ${run.loaded.toFixed(0)} ms, ${seconds.toFixed(2)} s a step of ${rows} rows`);
  for (const [when, { wasmBytes, gpuBytes }] of [['training', run.trained], ['saving', run.saved]]) {
    t.diagnostic(`after ${when} ${mebibytes(wasmBytes)} MiB of wasm, ${mebibytes(gpuBytes)} MiB on the GPU`);
    assert.ok(wasmBytes < 1.5 * 2 ** 30 && gpuBytes < 2 ** 30);
  }
});
