import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { browser, serve } from './site.mjs'
import { accessible, finished, loadExample, open } from './watched_page.mjs'

/** @type {Awaited<ReturnType<typeof serve>>} */
let site
/** @type {Awaited<ReturnType<typeof browser>>} */
let chromium
before(async () => {
  site = await serve('dist-fake')
  chromium = await browser()
})
after(async () => {
  await chromium?.close()
  site.close()
})

for (const [colorScheme, width] of /** @type {const} */ ([['light', 1280], ['dark', 360]])) {
  test(`a training of a closed tab goes on, with the keyboard alone: ${colorScheme}, ${width} pixels wide`, async () => {
    const { page, complaints, close } = await open(chromium, `${site.address}?kept=120&step_ms=2`, { colorScheme, viewport: { width, height: 740 } })
    await page.locator('#kept:not([hidden])').waitFor()
    await accessible(page, 'kept')
    const [here, elsewhere] = await page.locator('#kept-runs li').allInnerTexts()
    assert.match(here ?? '', /^reviews on train\.csv, step 120 of 400\s+Kept 3 minutes ago in this browser, 5\.3 MB\.\s+Continue at step 120 of 400\s+Discard$/)
    assert.match(elsewhere ?? '', /runs in another tab\.$/)
    await page.getByRole('button', { name: 'Continue at step 120 of 400' }).focus()
    await page.keyboard.press('Enter')
    await page.locator('#training-kept', { hasText: /^Kept in this browser at step \d00, 5\.3 MB\./ }).waitFor()
    assert.equal(await page.locator('#kept-runs button').count(), 0)
    await finished(page)
    assert.match(await page.innerText('#training-step'), /^Step 400 of 400/)
    assert.match(await page.innerText('#model-summary'), /bert, random weights/)
    assert.match(await page.innerText('#data-summary'), /train\.csv, 8,000 rows/)
    assert.equal(await page.inputValue('#argument-learning_rate'), '0.0005')
    await accessible(page, 'done')
    assert.deepEqual(complaints, [])
    await close()
  })
}

test('a training that is not wanted is discarded', async () => {
  const { page, complaints, close } = await open(chromium, `${site.address}?kept=120`)
  await page.getByRole('button', { name: 'Discard reviews on train.csv' }).focus()
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.querySelectorAll('#kept-runs li').length === 1)
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'kept-title')
  assert.deepEqual(complaints, [])
  await close()
})

test('where nothing can be kept the page says so, and trains', async () => {
  const { page, complaints, close } = await open(chromium, `${site.address}?fail=keep&step_ms=1`)
  await loadExample(page)
  assert.equal(await page.locator('#kept').isHidden(), true)
  await page.fill('#argument-num_train_epochs', '0.2')
  await page.keyboard.press('Tab')
  await page.click('#train')
  await finished(page)
  const told = await page.innerText('#notices')
  assert.match(told, /no room to keep this training\. Expected 4200000 bytes free, found 1000 bytes free of the 10000000 .*\. Discard kept/)
  assert.equal(await page.innerText('#training-kept'), '')
  assert.deepEqual(complaints, [])
  await close()
})
