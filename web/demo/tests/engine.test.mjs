/** The page with the real engine; skipped where `dist/` has not been built. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { browser, serve, SOFTWARE_GPU } from './site.mjs'
import { watched } from '../../tests/main_thread.mjs'
import { choose, finished, loadExample, open, paintsSoon, problem } from './watched_page.mjs'

const skip = !existsSync(new URL('../dist/engine/index.js', import.meta.url)) && 'there is no dist/: build the page with the engine first'
/** @type {Awaited<ReturnType<typeof serve>>} */
let site
/** @type {Awaited<ReturnType<typeof browser>>} */
let chromium
before(async () => {
  if (skip) return
  site = await serve('dist')
  chromium = await browser()
})
after(async () => {
  if (skip) return
  await chromium?.close()
  site.close()
})

test('the engine trains the example, and the page stays responsive', { skip }, async () => {
  const { page, complaints, close } = await open(chromium, site.address)
  await paintsSoon(page)
  await loadExample(page)
  assert.match(await page.innerText('#device option:checked'), /^(CPU|WebGPU): ./)
  assert.match(await page.innerText('#model-summary'), /bert, random weights/)
  assert.match(await page.innerText('#data-summary'), /negative\s+4,038/)
  await page.fill('#argument-num_train_epochs', '0.4')
  const { longestTaskMs } = await watched(chromium, page, async () => {
    await page.click('#train')
    await page.locator('.prediction-bar').first().waitFor()
    await page.click('#pause')
    await page.locator('#pause', { hasText: 'Resume' }).waitFor()
    await page.click('#pause')
    await finished(page)
  })
  assert.ok(longestTaskMs > 0 && longestTaskMs < 50, `a task of ${longestTaskMs} ms on the main thread`)
  assert.match(await page.innerText('#training-step'), /^Step 100 of 100/)
  assert.match(await page.innerText('#verify-state'), /files checked: nothing is wrong\.$/)
  assert.ok(Math.abs(parseFloat(await page.innerText('#figure-loss')) - Math.log(2)) < 0.1)
  assert.match(await page.innerText('#figure-metric'), /^[5-9]\d\.\d%$/)
  assert.equal(await page.locator('.chart .point').count(), 10)
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')])
  const zip = await readFile(await download.path())
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'training_args.bin']) assert.ok(zip.includes(name), name)
  if (process.env['RTRAIN_DEMO_ZIP']) await download.saveAs(process.env['RTRAIN_DEMO_ZIP'])
  assert.deepEqual(complaints, [])
  await close()
})

test('corrected columns reach the training, and the zip that comes of it loads as a model', { skip }, async () => {
  const { page, complaints, close } = await open(chromium, site.address)
  await loadExample(page)
  const rows = Array.from({ length: 40 }, (_, row) => `a text,the ${row % 3 ? 'good' : 'bad'} one,1,${row % 3 ? 'up' : 'down'}`)
  for (const role of ['train', 'validation']) await choose(page, `${role}-file`, 'moods.csv', `text,words,label,mood\n${rows.join('\n')}\n`)
  assert.match(await page.innerText('.labels'), /^1\s+40$/)
  await page.selectOption('#column-text', 'words')
  await page.selectOption('#column-label', 'mood')
  await page.locator('.labels', { hasText: 'down' }).waitFor()
  assert.match(await page.innerText('.labels'), /^down\s+14\s+up\s+26$/)
  await page.fill('#argument-num_train_epochs', '1')
  await page.click('#train')
  await finished(page)
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')])
  const zip = await readFile(await download.path())
  await page.reload()
  await page.locator('#load-example:enabled').waitFor()
  assert.equal(await page.locator('#predict').isDisabled(), true)
  await choose(page, 'model-files', 'moods.zip', zip)
  assert.match(await page.innerText('#model-summary'), /^bert, [\d.]+ MB[\s\S]*Labels\s+down, up$/)
  await page.fill('#sentence', 'the good one')
  await page.click('#predict')
  await page.locator('.prediction-bar', { hasText: 'down' }).waitFor()
  assert.deepEqual(complaints, [])
  await close()
})

test('a training goes on after the page was reloaded', { skip }, async () => {
  const { page, complaints, close } = await open(chromium, site.address)
  await loadExample(page)
  await setArguments(page, { max_steps: '60', save_strategy: 'steps', save_steps: '20', max_eval_samples: '64' })
  await page.click('#train')
  await page.locator('#training-kept', { hasText: /^Kept in this browser at step [24]0, / }).waitFor({ timeout: 60_000 })
  page.on('dialog', (dialog) => void dialog.accept())
  await page.reload()
  const resume = page.getByRole('button', { name: /^Continue at step [24]0 of 60$/ })
  await resume.click()
  await page.locator('#result:not([hidden])').waitFor({ timeout: 120_000 })
  await finished(page)
  assert.match(await page.innerText('#training-step'), /^Step 60 of 60/)
  assert.match(await page.innerText('#notices'), /Going on after step [24]0\./)
  assert.match(await page.innerText('#verify-state'), /files checked: nothing is wrong\.$/)
  await Promise.all([page.waitForEvent('download'), page.click('#download')])
  await page.reload()
  await page.waitForFunction(() => document.documentElement.dataset['device'])
  assert.equal(await page.locator('#kept').isHidden(), true)
  assert.deepEqual(complaints, [])
  await close()
})

/** The page on a GPU that the processor plays, with the example; and what crashes that GPU. */
async function openOnGpu() {
  const withGpu = await browser(SOFTWARE_GPU)
  const { page, complaints } = await open(withGpu, site.address)
  // Such a GPU is taken only where it is asked for.
  assert.equal(await page.inputValue('#device'), 'cpu')
  await loadExample(page)
  await page.selectOption('#device', 'webgpu')
  await page.waitForFunction(() => document.documentElement.dataset['device'] === 'webgpu')
  const protocol = await withGpu.newBrowserCDPSession()
  // The process that should answer is the one that ends.
  const crash = () => void protocol.send('Browser.crashGpuProcess').catch(() => {})
  return { page, complaints, crash, close: () => withGpu.close() }
}

test('a GPU is chosen, and trains, predicts and saves', { skip }, async () => {
  const { page, complaints, close } = await openOnGpu()
  assert.match(await page.innerText('#device option:checked'), /^WebGPU: .*swiftshader.*, in software$/i)
  await setArguments(page, { max_steps: '12', max_eval_samples: '64' })
  await page.locator('#train:enabled').click()
  await page.locator('.prediction-bar').first().waitFor()
  await page.locator('#figure-memory', { hasText: /^\d+ MB \+ [\d.]+ MB GPU$/ }).waitFor()
  await page.fill('#sentence', 'A film for everyone.')
  await page.click('#predict')
  await page.locator('#sentences-state', { hasText: /^A film for everyone\.: (positive|negative), [\d.]+%$/ }).waitFor()
  await finished(page)
  assert.match(await page.innerText('#training-step'), /^Step 12 of 12/)
  assert.ok(Math.abs(parseFloat(await page.innerText('#figure-loss')) - Math.log(2)) < 0.1)
  assert.match(await page.innerText('#verify-state'), /files checked: nothing is wrong\.$/)
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')])
  assert.ok((await readFile(await download.path())).includes('model.safetensors'))
  assert.deepEqual(complaints, [])
  await close()
})

test('a GPU that crashes is opened anew once, and the processor ends the training where it crashes again', { skip }, async () => {
  const { page, complaints, crash, close } = await openOnGpu()
  await setArguments(page, { max_steps: '40', save_strategy: 'steps', save_steps: '8', per_device_train_batch_size: '4', max_eval_samples: '16' })
  await page.locator('#train:enabled').click()
  await page.locator('#training-kept', { hasText: /step (8|16)/ }).waitFor()
  crash()
  await page.locator('#notices .warning', { hasText: /^The GPU was lost, and opened anew; the training goes on from step (8|16)\.$/ }).waitFor()
  crash()
  await page.locator('#training-problem .problem').waitFor()
  assert.match(await problem(page, 'training'), /^The GPU was lost\. .*What to do The CPU has taken its place/)
  assert.equal(await page.inputValue('#device'), 'cpu')
  await page.getByRole('button', { name: /^Continue at step \d+ of 40$/ }).click()
  await finished(page)
  assert.match(await page.innerText('#training-step'), /^Step 40 of 40/)
  assert.match(await page.innerText('#verify-state'), /files checked: nothing is wrong\.$/)
  assert.deepEqual(complaints, [])
  await close()
})

test('the engine refuses wrong input with a message, and goes on', { skip }, async () => {
  const { page, complaints, close } = await open(chromium, site.address)
  await choose(page, 'model-files', 'notes.txt', 'Not a model.')
  assert.match(await problem(page, 'model'), /config\.json/)
  await page.setInputFiles('input[data-for=model-files]', await largeModel())
  await page.locator('#model-problem .problem', { hasText: 'too large' }).waitFor()
  assert.match(await problem(page, 'model'), /Found 4\.\d+B parameters, whose training takes .*model-too-large$/)
  await choose(page, 'train-file', 'ragged.csv', 'text,label\na,1,2\n')
  assert.match(await problem(page, 'data'), /not as long as the header/)
  await loadExample(page)
  await choose(page, 'train-file', 'unlabelled.csv', 'words\none and two\ntwo and three\n')
  await page.click('#train')
  await page.locator('#training-problem .problem').waitFor()
  assert.match(await problem(page, 'training'), /column/)
  await page.fill('#argument-learning_rate', '-1')
  await page.keyboard.press('Tab')
  await page.locator('#argument-learning_rate-message:not([hidden])').waitFor()
  await loadExample(page)
  await page.fill('#argument-learning_rate', '0.001')
  await setArguments(page, { max_steps: '5' })
  await page.click('#train')
  await finished(page)
  assert.deepEqual(complaints, [])
  await close()
})

/** Fills in arguments of the next training. @param {import('playwright-core').Page} page @param {Record<string, string>} values */
async function setArguments(page, values) {
  await page.click('#all-arguments > summary')
  for (const [name, value] of Object.entries(values)) {
    await page.fill('#argument-search', name)
    const field = page.locator(`#argument-${name}`)
    await (name === 'save_strategy' ? field.selectOption(value) : field.fill(value))
  }
  await page.keyboard.press('Tab')
}

/** The example's model with more parameters than a page can hold. */
async function largeModel() {
  const read = (/** @type {string} */ name) => readFile(new URL(`../dist/reviews/model/${name}`, import.meta.url))
  const config = { ...JSON.parse((await read('config.json')).toString()), hidden_size: 8192, intermediate_size: 32_768, num_hidden_layers: 40, num_attention_heads: 64 }
  const files = Object.entries({ 'config.json': Buffer.from(JSON.stringify(config)), 'tokenizer.json': await read('tokenizer.json'), 'tokenizer_config.json': await read('tokenizer_config.json') })
  return files.map(([name, buffer]) => ({ name, mimeType: 'application/json', buffer }))
}

test('no part of the stand-in is in the page that is published', { skip }, async () => {
  const files = (await readdir(new URL('../dist/', import.meta.url), { recursive: true })).filter((name) => /\.(js|html)$/.test(name))
  assert.ok(files.length >= 3)
  for (const name of files) assert.doesNotMatch(await readFile(new URL(`../dist/${name}`, import.meta.url), 'utf8'), /stand-in/)
})
