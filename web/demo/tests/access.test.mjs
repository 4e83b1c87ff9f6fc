import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { browser, serve } from './site.mjs'
import { accessible, choose, finished, loadExample, open } from './watched_page.mjs'

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

for (const [colorScheme, width] of /** @type {const} */ ([['light', 1280], ['dark', 1280], ['light', 360]])) {
  test(`everyone can use it: ${colorScheme}, ${width} pixels wide`, async () => {
    const { page, complaints, close } = await open(chromium, `${site.address}?fail=verify&step_ms=30`, { colorScheme, viewport: { width, height: 740 }, reducedMotion: 'reduce' })
    await accessible(page, 'idle')
    await page.click('#all-arguments > summary')
    await page.fill('#argument-search', 'e')
    await choose(page, 'model-files', 'notes.txt', 'Not a model.')
    await accessible(page, 'error')
    await page.fill('#argument-search', '')
    await loadExample(page)
    for (const summary of ['#data-summary summary', '.log summary']) await page.click(summary)
    await page.click('#train')
    await page.locator('.chart .point').first().waitFor()
    await page.locator('.prediction-bar').first().waitFor()
    await page.click('#pause')
    await page.waitForFunction(() => document.querySelector('#pause')?.textContent === 'Resume')
    await accessible(page, 'training')
    assert.equal(await page.evaluate(() => getComputedStyle(/** @type {Element} */ (document.querySelector('.bar-fill'))).transitionDuration), '0s')
    await page.click('#stop')
    await finished(page)
    assert.equal(await page.innerText('#verify-state'), '6 files checked: 2 findings.')
    await accessible(page, 'done')
    assert.deepEqual(complaints, [])
    await close()
  })
}

test('the colours follow the system until the switch is used', async () => {
  const { page, complaints, close } = await open(chromium, site.address, { colorScheme: 'dark' })
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const dark = await background()
  await page.click('#theme')
  const light = await background()
  assert.notEqual(light, dark)
  assert.equal(await page.getAttribute('#theme', 'aria-pressed'), 'false')
  await page.reload()
  assert.equal(await background(), light)
  assert.deepEqual(complaints, [])
  await close()
})
