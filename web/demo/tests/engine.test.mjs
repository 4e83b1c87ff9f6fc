/** The page with the real engine; skipped where `dist/` has not been built. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { browser, serve } from './site.mjs'
import { choose, finished, firstPaintMs, loadExample, open, problem } from './watched_page.mjs'

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
  const paint = await firstPaintMs(page)
  assert.ok(paint < 1000, `first paint after ${paint} ms`)
  await loadExample(page)
  assert.match(await page.innerText('#device option:checked'), /^(CPU|WebGPU): ./)
  assert.match(await page.innerText('#model-summary'), /bert, random weights/)
  assert.match(await page.innerText('#data-summary'), /negative\s+4,038/)
  await page.fill('#argument-num_train_epochs', '0.4')
  await chromium.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline', '__metadata'] })
  await page.click('#train')
  await page.locator('.prediction-bar').first().waitFor({ timeout: 60_000 })
  await page.click('#pause')
  await page.locator('#pause', { hasText: 'Resume' }).waitFor()
  await page.click('#pause')
  await page.locator('#result:not([hidden])').waitFor({ timeout: 300_000 })
  await finished(page)
  const longest = longestTaskMs(JSON.parse(String(await chromium.stopTracing())).traceEvents)
  assert.ok(longest > 0 && longest < 50, `a task of ${longest} ms on the main thread`)
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

test('a training goes on after the page was reloaded', { skip }, async () => {
  const { page, complaints, close } = await open(chromium, site.address)
  await loadExample(page)
  await page.click('#all-arguments > summary')
  for (const [name, value] of [['max_steps', '60'], ['save_steps', '20']]) {
    await page.fill('#argument-search', name ?? '')
    await page.fill(`#argument-${name}`, value ?? '')
  }
  await page.fill('#argument-search', 'save_strategy')
  await page.selectOption('#argument-save_strategy', 'steps')
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

test('the engine refuses wrong input with a message, and goes on', { skip }, async () => {
  const { page, complaints, close } = await open(chromium, site.address)
  await choose(page, 'model-files', 'notes.txt', 'Not a model.')
  assert.match(await problem(page, 'model'), /config\.json/)
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
  await page.click('#all-arguments > summary')
  await page.fill('#argument-search', 'max_steps')
  await page.fill('#argument-max_steps', '5')
  await page.click('#train')
  await page.locator('#result:not([hidden])').waitFor({ timeout: 120_000 })
  assert.deepEqual(complaints, [])
  await close()
})

test('no part of the stand-in is in the page that is published', { skip }, async () => {
  const files = (await readdir(new URL('../dist/', import.meta.url), { recursive: true })).filter((name) => /\.(js|html)$/.test(name))
  assert.ok(files.length >= 3)
  for (const name of files) assert.doesNotMatch(await readFile(new URL(`../dist/${name}`, import.meta.url), 'utf8'), /stand-in/)
})

/**
 * The longest task of the page's main thread, in milliseconds of its own time: what it waited for a busy processor is not its fault.
 *
 * @param {{ name: string, ph: string, pid: number, tid: number, tdur?: number, args: { name?: string } }[]} events
 */
function longestTaskMs(events) {
  const thread = (/** @type {{ pid: number, tid: number }} */ { pid, tid }) => `${pid} ${tid}`
  const mains = new Set(events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(thread))
  const tasks = events.filter((event) => event.ph === 'X' && event.name.endsWith('RunTask') && mains.has(thread(event)))
  return Math.max(...tasks.map(({ tdur }) => (tdur ?? 0) / 1000))
}
