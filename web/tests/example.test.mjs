// The page that the package brings as an example.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { unzipSync } from 'fflate';
import { openPage, root } from './browser.mjs';
import { rtrain, temporaryFolder, write } from './native.mjs';

let browser;
before(async () => (browser = await openPage()));
after(() => browser.close());

test('the example trains on chosen files and saves a model', async () => {
  const { page } = browser;
  const semantics = join(root, 'tests/golden/semantics');
  await page.goto(new URL('/pkg/example.html', page.url()).href);
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json'];
  await page.setInputFiles('#model', names.map((name) => join(semantics, 'model', name)));
  await page.setInputFiles('#table', join(semantics, 'train.csv'));
  await page.click('#train');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
  assert.equal(download.suggestedFilename(), 'model.zip');
  const saved = temporaryFolder();
  write(saved, Object.entries(unzipSync(readFileSync(await download.path()))));
  rtrain(saved, 'verify', '.');
  assert.deepEqual(browser.complaints, []);
});
