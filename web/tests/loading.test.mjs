// The ways in which a model and a table come.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { zipSync } from 'fflate';
import { openPage, root } from './browser.mjs';

const NAMES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

let browser;
before(async () => (browser = await openPage()));
after(() => browser.close());

test('a model in a zip is the model of its files', async () => {
  const folder = join(root, 'tests/golden/semantics/model');
  const content = Object.fromEntries(NAMES.map((name) => [`models/small/${name}`, readFileSync(join(folder, name))]));
  // What archivers add, a model further down, and both ways to store a file.
  const more = { '__MACOSX/models/small/._config.json': Buffer.from('?'), 'models/small/old/config.json': Buffer.from('{}') };
  for (const level of [0, 6]) {
    const zip = Buffer.from(zipSync({ ...content, ...more }, { level })).toString('base64');
    const [fromZip, fromFile, fromFiles] = await browser.page.evaluate(
      async ({ zip, names }) => {
        const bytes = Uint8Array.from(atob(zip), (letter) => letter.charCodeAt(0));
        const files = await Promise.all(names.map((name) => file(`/semantics/model/${name}`)));
        const loaded = [];
        for (const source of [new Blob([bytes]), [new File([bytes], 'small.zip')], files]) {
          const trainer = await Trainer.create();
          const model = await trainer.loadModel(source);
          const kept = await trainer.files();
          loaded.push({ model, sizes: [...kept].map(([name, content]) => [name, content.length]).sort() });
          trainer.dispose();
        }
        return loaded;
      },
      { zip, names: NAMES },
    );
    assert.equal(fromFiles.model.fromScratch, false);
    assert.deepEqual(fromZip, fromFiles);
    assert.deepEqual(fromFile, fromFiles);
  }
});

test('columns that are set after a table was loaded are those that are trained on', async () => {
  const run = await browser.page.evaluate(async () => {
    const trainer = await Trainer.create();
    await trainer.loadModel('/reviews/model/');
    const table = new Blob(['text,words,label,mood\nx,a good one,1,up\nx,a bad one,1,down\nx,a fine one,1,up\n']);
    const guessed = await trainer.loadTable('train', table, 'moods.csv');
    await trainer.setArguments({ text_column_names: ['words'], label_column_name: 'mood', max_steps: 2, save_strategy: 'no' });
    const tables = { guessed, corrected: await trainer.loadTable('train', table, 'moods.csv') };
    await trainer.train(() => {});
    const [prediction] = await trainer.predict(['a good one']);
    trainer.dispose();
    return { ...tables, labels: prediction.scores.map(({ label }) => label).sort() };
  });
  const told = ({ textColumns, labelColumn, labels }) => [textColumns, labelColumn, labels];
  assert.deepEqual(told(run.guessed), [['text'], 'label', [{ name: '1', count: 3 }]]);
  assert.deepEqual(told(run.corrected), [['words'], 'mood', [{ name: 'down', count: 1 }, { name: 'up', count: 2 }]]);
  assert.deepEqual(run.labels, ['down', 'up']);
});
