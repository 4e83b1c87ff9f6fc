// A training step in the browser beside the program's, on the same GPU in software: web/bench/native calls it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPage, root, SOFTWARE_GPU } from '../tests/browser.mjs';
import { temporaryFolder, train } from '../tests/native.mjs';

const ROUNDS = 3;
/** Compiling kernels takes part of a run's time; what is counted is what these steps add. */
const [FEW, MANY] = [5, 125];
const ARGUMENTS = {
  per_device_train_batch_size: 16,
  max_seq_length: 64,
  max_train_samples: 1000,
  do_eval: false,
  save_strategy: 'no',
  logging_steps: 1,
  disable_tqdm: true,
};

const reviews = join(root, 'examples/reviews');
const folder = temporaryFolder();

/** Seconds that the program's training takes. */
function native(steps) {
  const model = { config_name: `${reviews}/model`, tokenizer_name: `${reviews}/model`, train_file: `${reviews}/train.csv` };
  const output_dir = `out-${steps}`;
  train(folder, { ...ARGUMENTS, ...model, device: 'webgpu', max_steps: steps, output_dir });
  return JSON.parse(readFileSync(join(folder, output_dir, 'train_results.json'), 'utf8')).train_runtime;
}

/** The same in a browser. */
async function browser(steps) {
  const { page, close } = await openPage(SOFTWARE_GPU);
  const seconds = await page.evaluate(
    async ({ values, steps }) => {
      const trainer = await Trainer.create({ device: 'webgpu', recovery: false });
      await trainer.loadModel('/reviews/model/');
      await trainer.loadTable('train', await file('/reviews/train.csv'), 'train.csv');
      await trainer.setArguments({ ...values, max_steps: steps });
      const { metrics } = await trainer.train(() => {});
      return metrics.train_runtime;
    },
    { values: ARGUMENTS, steps },
  );
  await close();
  return seconds;
}

const ratios = [];
for (let round = 0; round < ROUNDS; round++) {
  const ofNative = ((native(MANY) - native(FEW)) / (MANY - FEW)) * 1000;
  const ofBrowser = (((await browser(MANY)) - (await browser(FEW))) / (MANY - FEW)) * 1000;
  ratios.push(ofBrowser / ofNative);
  console.log(`program ${ofNative.toFixed(1)} ms a step, browser ${ofBrowser.toFixed(1)} ms, ratio ${(ofBrowser / ofNative).toFixed(2)}`);
}
ratios.sort((left, right) => left - right);
console.log(`median ratio ${ratios[ROUNDS >> 1].toFixed(2)}`);
