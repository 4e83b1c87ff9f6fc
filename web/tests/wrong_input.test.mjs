// What a page says of what it cannot use. Nothing is stuck afterwards.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPage } from './browser.mjs';

let browser;
before(async () => (browser = await openPage()));
after(() => browser.close());

/** What the page says of an attempt. */
function said(attempt) {
  return browser.page.evaluate(`(async () => {
    const trainer = await Trainer.create();
    const found = await diagnostic((${attempt})(trainer)).catch((error) => String(error));
    trainer.dispose();
    return found;
  })()`);
}

for (const [name, code, attempt] of [
  ['a text file as model', 'config-missing', (trainer) => trainer.loadModel([new File(['hello'], 'notes.txt')])],
  ['a text as model', 'model-not-zip', (trainer) => trainer.loadModel(new Blob(['hello']))],
  ['a zip that is none', 'zip-malformed', (trainer) => trainer.loadModel(new Blob([new Uint8Array([0x50, 0x4b, 3, 4, 1, 2])]))],
  ['a config that is no JSON', 'json-syntax', (trainer) => trainer.loadModel([new File(['{'], 'config.json')])],
  ['an address without a model', 'download', (trainer) => trainer.loadModel('/nothing/there/')],
  ['a table of an unknown format', 'table-format', (trainer) => trainer.loadTable('train', new Blob(['a']), 'a.xls')],
  ['a table without rows', 'table-empty', (trainer) => trainer.loadTable('train', new Blob(['text,label\n']), 'a.csv')],
  ['an unknown argument', 'unknown-argument', (trainer) => trainer.setArguments({ learning_rat: 1 })],
  ['a wrong value', 'argument-value', (trainer) => trainer.setArguments({ num_train_epochs: 'many' })],
  ['arguments at odds', 'argument-conflict', (trainer) => trainer.setArguments({ load_best_model_at_end: true })],
  ['a file as argument', 'unsupported-argument', (trainer) => trainer.setArguments({ train_file: '/etc/passwd' })],
  ['training without a model', 'missing-argument', (trainer) => trainer.train(() => {})],
  ['predicting without a model', 'missing-argument', (trainer) => trainer.predict(['a'])],
  ['WebGPU where there is none', 'no-device', () => Trainer.create({ device: 'webgpu' })],
]) {
  test(`${name}: ${code}`, async () => {
    const diagnostic = await said(attempt);
    assert.equal(diagnostic.code, code, JSON.stringify(diagnostic));
    assert.ok(diagnostic.message.length > 10);
  });
}

test('a CSV without labels is told of before and at the training, which then can be mended', async () => {
  const run = await browser.page.evaluate(async () => {
    const trainer = await Trainer.create();
    await trainer.loadModel([await file('/semantics/model/config.json'), await file('/semantics/model/model.safetensors'), await file('/semantics/model/tokenizer.json'), await file('/semantics/model/tokenizer_config.json')]);
    const without = await trainer.loadTable('train', new Blob(['text\na good one\na bad one\n']), 'a.csv');
    const refused = await diagnostic(trainer.train(() => {}));
    await trainer.loadTable('train', new Blob(['text,label\na good one,1\na bad one,0\n']), 'b.csv');
    await trainer.setArguments({ max_steps: 2, ignore_mismatched_sizes: true });
    const result = await trainer.train(() => {});
    trainer.dispose();
    return { without, refused, result };
  });
  assert.equal(run.without.labelColumn, null);
  assert.equal(run.refused.code, 'table-no-column');
  assert.equal(run.refused.file, 'a.csv');
  assert.match(run.refused.found, /text/);
  assert.ok(run.result.metrics.train_loss > 0);
});
