import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { browser, serve } from './site.mjs'
import { choose, finished, loadExample, open, problem } from './watched_page.mjs'

/** More than a page can hold. */
const LARGE = JSON.stringify({ model_type: 'bert', vocab_size: 30_522, hidden_size: 4096, num_hidden_layers: 20, max_position_embeddings: 512 })

/** @type {Awaited<ReturnType<typeof serve>>} */
let site
/** @type {Awaited<ReturnType<typeof serve>>} */
let stranger
/** @type {Awaited<ReturnType<typeof browser>>} */
let chromium
before(async () => {
  site = await serve('dist-fake')
  stranger = await serve('dist-fake')
  chromium = await browser()
})
after(async () => {
  await chromium?.close()
  site.close()
  stranger.close()
})

test('each wrong input has a clear message, and nothing is stuck', async () => {
  const { page, complaints, close } = await open(chromium, `${site.address}?step_ms=1`)
  await choose(page, 'model-files', 'notes.txt', 'Not a model.')
  assert.match(await problem(page, 'model'), /^The files hold no model\. .*Found notes\.txt What to do Choose the folder/)
  await choose(page, 'model-files', 'config.json', 'Not JSON.')
  assert.match(await problem(page, 'model'), /^The file is not JSON\. Where config\.json, line 1, column 1/)
  await choose(page, 'model-files', 'config.json', '{"model_type": "gpt2"}')
  assert.match(await problem(page, 'model'), /Expected bert Found gpt2/)
  await choose(page, 'model-files', 'config.json', LARGE)
  assert.match(await problem(page, 'model'), /^The model is too large for a page\. Expected at most 4\.3 GB of memory Found 4\.\d+B parameters, whose .* program rtrain\. model-too-large$/)
  assert.equal(await page.innerText('#model-summary'), '')
  for (const [name, content, message] of /** @type {const} */ ([
    ['table.xlsx', 'PK', /no known table format.*Expected \.csv, \.tsv, \.json or \.jsonl Found \.xlsx/],
    ['empty.csv', '', /The file is empty/],
    ['ragged.csv', 'text,label\na,1,2\n', /not as long as the header.*line 2, column 1 Expected 2 cells Found 3 cells/],
    ['broken.jsonl', '{"text": ', /The JSON is malformed/],
  ])) {
    await choose(page, 'train-file', name, content)
    assert.match(await problem(page, 'data'), message)
  }
  await page.click('#data-problem .close')
  assert.equal(await page.locator('#data-problem .problem').count(), 0)

  await loadExample(page)
  assert.equal(await page.locator('.problem').count(), 0)
  await choose(page, 'train-file', 'unlabelled.csv', 'words\none\ntwo\n')
  await page.click('#train')
  await page.locator('#training-problem .problem').waitFor()
  assert.match(await problem(page, 'training'), /^The table has no column of labels\..*What to do Choose the column under Data\. table-no-column$/)
  assert.equal(await page.innerText('#training-state'), 'The training failed.')
  await loadExample(page)
  await page.fill('#argument-num_train_epochs', '0.1')
  await page.click('#train')
  await finished(page)
  assert.deepEqual(complaints, [])
  await close()
})

test('an engine that does not start is told of', async () => {
  const { page, complaints, close } = await open(chromium, `${site.address}?fail=start`)
  assert.match(await problem(page, 'page'), /^The engine could not be started\. What to do Use a browser with WebAssembly/)
  assert.equal(await page.innerText('#training-state'), 'The engine did not start.')
  assert.deepEqual(complaints, [])
  await close()
})

test('without WebGPU the CPU is used, and asking for it says why not', async () => {
  const { page, complaints, close } = await open(chromium, `${site.address}?fail=webgpu&step_ms=1`)
  assert.equal(await page.inputValue('#device'), 'cpu')
  await loadExample(page)
  await page.selectOption('#device', 'webgpu')
  await page.locator('#page-problem .problem').waitFor()
  assert.match(await problem(page, 'page'), /^There is no GPU that can be used\..*What to do Train on the CPU, or use a browser with WebGPU .*no-device$/)
  assert.deepEqual(await page.locator('#device option:not([hidden])').allInnerTexts(), ['WebGPU: none in this browser', 'CPU: stand-in'])
  assert.equal(await page.inputValue('#device'), 'cpu')
  assert.equal(await page.locator('#device').isEnabled(), true)
  await page.fill('#argument-num_train_epochs', '0.1')
  await page.click('#train')
  await finished(page)
  assert.deepEqual(complaints, [])
  await close()
})

test('another device gets all that was loaded', async () => {
  const { page, complaints, close } = await open(chromium, `${site.address}?step_ms=1`)
  await loadExample(page)
  await page.fill('#argument-num_train_epochs', '0.1')
  await page.keyboard.press('Tab')
  await page.selectOption('#device', 'cpu')
  await page.waitForFunction(() => document.documentElement.dataset['device'] === 'cpu')
  await page.click('#train')
  await finished(page)
  assert.match(await page.innerText('#training-step'), /^Step 25 of 25/)
  assert.deepEqual(complaints, [])
  await close()
})

test('a GPU that is lost once is opened anew, which is told', async () => {
  const { page, complaints, close } = await open(chromium, `${site.address}?fail=gpu&step_ms=5`)
  await loadExample(page)
  await page.fill('#argument-num_train_epochs', '0.2')
  await page.keyboard.press('Tab')
  await page.click('#train')
  await page.locator('#notices', { hasText: 'The GPU was lost, and opened anew; the training goes on from step 10.' }).waitFor()
  await finished(page)
  assert.match(await page.innerText('#training-step'), /^Step 50 of 50/)
  assert.equal(await page.inputValue('#device'), 'webgpu')
  assert.equal(await page.locator('.problem').count(), 0)
  assert.deepEqual(complaints, [])
  await close()
})

test('a GPU that is lost again ends the training with a message, and it goes on with the CPU', async () => {
  const { page, complaints, close } = await open(chromium, `${site.address}?fail=gpu-twice&step_ms=5`)
  await loadExample(page)
  await page.fill('#argument-num_train_epochs', '0.2')
  await page.keyboard.press('Tab')
  await page.click('#train')
  await page.locator('#training-problem .problem').waitFor()
  assert.match(await problem(page, 'training'), /^The GPU was lost\. .*What to do The CPU has taken its place: continue under Unfinished trainings .*device-lost$/)
  assert.equal(await page.innerText('#training-state'), 'The training failed.')
  assert.equal(await page.inputValue('#device'), 'cpu')
  await page.getByRole('button', { name: 'Continue at step 10 of 50' }).click()
  await finished(page)
  assert.match(await page.innerText('#training-step'), /^Step 50 of 50/)
  assert.deepEqual(complaints, [])
  await close()
})

test('the policy lets page and worker connect to no other host', async () => {
  const { page, complaints, close } = await open(chromium, site.address)
  const outcome = await page.evaluate(connections, [site.address, stranger.address])
  assert.deepEqual(outcome, { page: ['connected', 'refused'], worker: ['connected', 'refused'] })
  assert.ok(complaints.every((text) => text.includes(new URL(stranger.address).port)), complaints.join('\n'))
  await close()
})

test('an address that the user types is admitted, once, and no other', async () => {
  const { page, close } = await open(chromium, site.address)
  await page.click('.address summary')
  await page.fill('#model-address', 'no address')
  await page.click('#model-address-form button')
  assert.match(await problem(page, 'model'), /^This is no address of a model\. .*Found no address/)
  const typed = `${stranger.address}model.zip`
  await page.fill('#model-address', typed)
  await Promise.all([page.waitForEvent('load'), page.click('#model-address-form button')])
  await page.locator('#model-problem .problem').waitFor()
  assert.match(await problem(page, 'model'), /^The model could not be fetched\./)
  assert.equal(await page.inputValue('#model-address'), typed)
  const third = 'http://localhost:9/'
  const after = await page.evaluate(connections, [stranger.address, third])
  assert.deepEqual(after.page, ['connected', 'refused'])
  assert.deepEqual(after.worker, ['connected', 'refused'])
  await page.reload()
  const later = await page.evaluate(connections, [site.address, stranger.address])
  assert.deepEqual(later.page, ['connected', 'refused'])
  await close()
})

/** What becomes of connections to the addresses, from the page and from a worker as the page starts its own. @param {string[]} addresses */
async function connections(addresses) {
  /** @param {string} address */
  const connect = (address) => fetch(address, { mode: 'no-cors' }).then(() => 'connected', () => 'refused')
  const source = `const connect = ${connect}; onmessage = async ({ data }) => postMessage(await Promise.all(data.map(connect)))`
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })), { type: 'module' })
  const answer = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = reject
  })
  worker.postMessage(addresses)
  return { page: await Promise.all(addresses.map(connect)), worker: await answer }
}
