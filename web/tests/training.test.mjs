// The small model of the examples, trained in the browser and by the program, on the processor and on a GPU.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { unzipSync } from 'fflate';
import { openPage, root, SOFTWARE_GPU } from './browser.mjs';
import { watched } from './main_thread.mjs';
import { rtrain, temporaryFolder, train, transformersLabels, write } from './native.mjs';

const ARGUMENTS = {
  max_seq_length: 64,
  pad_to_max_length: false,
  per_device_train_batch_size: 32,
  per_device_eval_batch_size: 32,
  max_train_samples: 640,
  max_eval_samples: 200,
  num_train_epochs: 1,
  learning_rate: 0.002,
  warmup_steps: 0.1,
  weight_decay: 0.01,
  logging_steps: 1,
  eval_strategy: 'epoch',
  save_steps: 10,
};
const TEXTS = ['A perfectly pleasant comedy.', 'Dull, long and without a single idea.', 'The best film of the year!'];
const STEPS = 20;

const DEVICES = ['cpu', 'webgpu'];

let browser;
/** The folders of the program's runs, by the device. */
const natives = {};
before(async () => {
  browser = await openPage(SOFTWARE_GPU);
  const reviews = join(root, 'examples/reviews');
  const files = { train_file: `${reviews}/train.csv`, validation_file: `${reviews}/validation.csv` };
  const model = { config_name: `${reviews}/model`, tokenizer_name: `${reviews}/model` };
  for (const device of DEVICES) {
    natives[device] = temporaryFolder();
    train(natives[device], { ...ARGUMENTS, ...files, ...model, device, output_dir: 'model' });
  }
});
after(() => browser.close());

for (const device of DEVICES) test(`a page loads, trains, predicts and saves what the program saves, on ${device}`, async (t) => {
  const { page } = browser;
  const native = natives[device];
  const loading = await page.evaluate(
    async ({ values, texts, device }) => {
      const trainer = (window.trainer = await Trainer.create({ device }));
      const model = await trainer.loadModel('/reviews/model/');
      const tables = [
        await trainer.loadTable('train', await file('/reviews/train.csv'), 'train.csv'),
        await trainer.loadTable('validation', await file('/reviews/validation.csv'), 'validation.csv'),
      ];
      await trainer.setArguments(values);
      return { device: trainer.device, model, tables, untrained: await diagnostic(trainer.predict(texts)) };
    },
    { values: ARGUMENTS, texts: TEXTS, device },
  );
  const training = await watched(browser.browser, page, () =>
    page.evaluate(async () => {
      const events = [];
      const began = performance.now();
      const result = await trainer.train((event) => events.push(event));
      return { events, result, seconds: (performance.now() - began) / 1000 };
    }),
  );
  const saving = await page.evaluate(
    async (texts) => {
      const predictions = await trainer.predict(texts);
      const evaluation = await trainer.evaluate();
      const verified = await trainer.verify();
      const zip = new Uint8Array(await new Response(await trainer.zip()).arrayBuffer());
      const { wasmBytes, gpuBytes } = await trainer.memory();
      trainer.dispose();
      let binary = '';
      for (let start = 0; start < zip.length; start += 8192) binary += String.fromCharCode(...zip.subarray(start, start + 8192));
      return { predictions, evaluation, verified, zip: btoa(binary), wasmBytes, gpuBytes };
    },
    TEXTS,
  );
  const run = { ...loading, ...training.value, ...saving };
  const files = unzipSync(Buffer.from(run.zip, 'base64'));
  const saved = temporaryFolder();
  write(saved, Object.entries(files));
  const inNative = (name) => readFileSync(join(native, 'model', name));
  const json = (bytes) => JSON.parse(Buffer.from(bytes).toString());

  await t.test('what was loaded is described', () => {
    assert.deepEqual([run.device.kind, run.model.modelType, run.model.layers, run.model.fromScratch], [device, 'bert', 2, true]);
    assert.deepEqual([run.tables[0].rows, run.tables[1].rows], [8000, 1000]);
    assert.deepEqual([run.tables[0].textColumns, run.tables[0].labelColumn], [['text'], 'label']);
    assert.deepEqual(run.tables[0].labels.map(({ name }) => name), ['negative', 'positive']);
    assert.equal(run.tables[0].preview[0][1], 'positive');
  });

  await t.test('a model without weights does not predict', () => {
    assert.equal(run.untrained.code, 'weights-missing');
  });

  await t.test('the loss falls, and every step is told of', () => {
    const steps = run.events.filter(({ type }) => type === 'step');
    assert.deepEqual(steps.map(({ step }) => step), Array.from({ length: STEPS }, (_, index) => index + 1));
    assert.ok(steps.every(({ total, tokensPerSecond }) => total === STEPS && tokensPerSecond > 0));
    const mean = (some) => some.reduce((sum, { loss }) => sum + loss, 0) / some.length;
    assert.ok(mean(steps.slice(-5)) < mean(steps.slice(0, 5)), `${steps.map(({ loss }) => loss)}`);
    assert.equal(run.result.stopped, false);
    assert.equal(run.events.at(-1).type, 'metrics');
    const [wasm, gpu] = [run.wasmBytes, run.gpuBytes].map((bytes) => (bytes / 2 ** 20).toFixed(0));
    t.diagnostic(`${(STEPS / run.seconds).toFixed(2)} steps/s of 32 rows with evaluation and checkpoints, ${wasm} MiB, on the GPU ${gpu} MiB`);
    assert.equal(run.gpuBytes > 0, device === 'webgpu');
  });

  await t.test('the page never freezes', () => {
    assert.ok(training.longestTaskMs > 0 && training.longestTaskMs < 50, `a task of ${training.longestTaskMs} ms on the main thread`);
  });

  await t.test('losses are those of the program', () => {
    const losses = (state) => state.log_history.filter(({ loss }) => loss !== undefined).map(({ loss }) => loss);
    const ours = losses(json(files['trainer_state.json']));
    assert.equal(ours.length, STEPS);
    for (const [other, most] of [[device, 1e-4], ['cpu', 1e-3]]) {
      const theirs = losses(json(readFileSync(join(natives[other], 'model/trainer_state.json'))));
      const difference = Math.max(...ours.map((loss, index) => Math.abs(loss / theirs[index] - 1)));
      t.diagnostic(`largest relative difference to a loss of the program on ${other}: ${difference.toExponential(1)}`);
      assert.ok(difference < most, `${ours} ${theirs}`);
    }
  });

  await t.test('files without trained weights have the bytes of the program', () => {
    const checkpoints = ['checkpoint-10/', 'checkpoint-20/'];
    const ofModel = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'training_args.bin'];
    const ofCheckpoint = [...ofModel, 'scheduler.pt', 'rng_state.pth'];
    for (const name of [...ofModel, ...checkpoints.flatMap((folder) => ofCheckpoint.map((file) => folder + file))]) {
      assert.ok(files[name], `${name} is missing`);
      assert.ok(inNative(name).equals(files[name]), name);
    }
    const names = rtrain(native, 'verify', 'model', '--format', 'json');
    const ofNative = JSON.parse(names).reports[0].files.map(({ name }) => name);
    assert.deepEqual(Object.keys(files).filter((name) => !name.includes('/')).sort(), ofNative.sort());
  });

  await t.test('verify finds nothing, in the page and outside', () => {
    assert.deepEqual(run.verified.findings, []);
    assert.ok(run.verified.files >= 8);
    rtrain(saved, 'verify', '.');
  });

  await t.test('transformers loads it and predicts the same labels', () => {
    assert.deepEqual(transformersLabels(saved, TEXTS), run.predictions.map(({ label }) => label));
    assert.ok(run.predictions.every(({ score, scores }) => Math.abs(score - scores[0].score) < 1e-12 && scores.length === 2));
  });

  await t.test('an evaluation says what the run says', () => {
    assert.equal(run.evaluation.eval_loss, run.result.metrics.eval_loss);
    assert.ok(run.evaluation.eval_accuracy > 0);
  });
  assert.deepEqual(browser.complaints, []);
});

test('a training pauses, answers, goes on and stops', async () => {
  // So many that a page on a busy machine asks in time.
  const most = 200;
  const run = await browser.page.evaluate(
    async ({ values, texts, steps }) => {
      const trainer = await Trainer.create({ device: 'cpu' });
      await trainer.loadModel('/reviews/model/');
      await trainer.loadTable('train', await file('/reviews/train.csv'), 'train.csv');
      await trainer.setArguments({ ...values, max_steps: steps, eval_strategy: null, save_strategy: 'no' });
      const events = [];
      let goesOnAt = Infinity;
      let paused;
      const isPaused = new Promise((resolve) => (paused = resolve));
      const training = trainer.train((event) => {
        events.push(event);
        if (event.type === 'step' && event.step === 3) trainer.pause();
        if (event.type === 'step' && event.step === goesOnAt + 3) trainer.stop();
        if (event.type === 'paused') paused();
      });
      await isPaused;
      const [busy, first] = [await diagnostic(trainer.loadModel('/reviews/model/')), await trainer.predict(texts)];
      const inBetween = await trainer.files();
      const stepsWhilePaused = events.filter(({ type }) => type === 'step').length;
      const again = await trainer.predict(texts);
      goesOnAt = stepsWhilePaused;
      await trainer.resume();
      const result = await training;
      const last = await trainer.predict(texts);
      trainer.dispose();
      return { events, busy, first, again, last, stepsWhilePaused, result, names: [...inBetween.keys()], ended: await diagnostic(trainer.predict(texts)) };
    },
    { values: ARGUMENTS, texts: TEXTS, steps: most },
  );
  const steps = run.events.filter(({ type }) => type === 'step').map(({ step }) => step);
  const order = run.events.map(({ type }) => type);
  assert.ok(order.indexOf('paused') < order.indexOf('resumed'));
  assert.ok(run.stepsWhilePaused >= 3 && run.stepsWhilePaused < most, `${run.stepsWhilePaused}`);
  assert.deepEqual(run.first, run.again);
  assert.notDeepEqual(run.first, run.last);
  assert.ok(run.names.includes('model.safetensors') && run.names.includes('training_args.bin'));
  assert.ok(steps.length >= run.stepsWhilePaused + 3 && steps.length < most, `${steps}`);
  assert.equal(run.result.stopped, true);
  assert.equal(run.busy.code, 'busy');
  assert.equal(run.ended.code, 'worker-ended');
});

test('a page that is busy is seen', async () => {
  const { page } = browser;
  const { longestTaskMs } = await watched(browser.browser, page, () =>
    page.evaluate(async () => {
      await new Promise((resolve) => setTimeout(resolve));
      for (const end = performance.now() + 1000; performance.now() < end; );
    }),
  );
  assert.ok(longestTaskMs > 50, `${longestTaskMs}`);
});
