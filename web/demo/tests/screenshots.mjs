/** Takes the pictures of docs/demo: `node tests/screenshots.mjs [FOLDER]`. The training of the light page is on a GPU that the processor plays. */

import { mkdirSync } from 'node:fs'
import { browser, serve, SOFTWARE_GPU } from './site.mjs'
import { loadExample } from './watched_page.mjs'

/** @typedef {import('playwright-core').Page} Page */

const target = process.argv[2] ?? '../../docs/demo'
mkdirSync(target, { recursive: true })
const site = await serve('dist')
const chromium = await browser(SOFTWARE_GPU)

const WIDE = { width: 1280, height: 860 }
const NARROW = { width: 360, height: 740 }

/** @param {'light' | 'dark'} colorScheme @param {{ width: number, height: number }} viewport @param {(page: Page, picture: (name: string) => Promise<void>) => Promise<void>} look */
async function pictures(colorScheme, viewport, look) {
  const context = await chromium.newContext({ colorScheme, viewport })
  const page = await context.newPage()
  await page.goto(site.address)
  await page.locator('#load-example:enabled').waitFor()
  const narrow = viewport === NARROW
  await look(page, async (name) => {
    await page.mouse.move(0, 0)
    if (!narrow) await page.evaluate(() => scrollTo(0, 0))
    await page.waitForTimeout(500)
    await page.screenshot({ path: `${target}/${name}-${narrow ? 'narrow-' : ''}${colorScheme}.png`, fullPage: !narrow })
  })
  await context.close()
}

/** @param {Page} page @param {number} share The percentage of the steps that are done. */
async function trained(page, share) {
  await page.waitForFunction((share) => Number(document.querySelector('#training-bar')?.getAttribute('aria-valuenow')) >= share, share, { timeout: 600_000 })
}

/** A training that shows something soon, as this GPU is slow. @param {Page} page */
async function useGpu(page) {
  await page.selectOption('#device', 'webgpu')
  await page.waitForFunction(() => document.documentElement.dataset['device'] === 'webgpu')
  await page.click('#all-arguments > summary')
  await page.fill('#argument-search', 'max_eval')
  await page.fill('#argument-max_eval_samples', '200')
  await page.click('#all-arguments > summary')
  for (const [name, value] of [['num_train_epochs', '0.9'], ['per_device_train_batch_size', '16'], ['learning_rate', '0.001']]) {
    await page.fill(`#argument-${name}`, value ?? '')
  }
  await page.keyboard.press('Tab')
}

await pictures('light', WIDE, async (page, picture) => {
  await picture('idle')
  await loadExample(page)
  await useGpu(page)
  await page.locator('#train:enabled').click()
  await trained(page, 72)
  await picture('training')
})

await pictures('dark', WIDE, async (page, picture) => {
  await page.setInputFiles('input[data-for=model-files]', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('Not a model.') })
  await page.locator('#model-problem .problem').waitFor()
  await picture('error')
  await loadExample(page)
  await page.click('#train')
  await page.locator('#result:not([hidden])').waitFor({ timeout: 600_000 })
  await page.locator('.fine, .faulty').waitFor()
  await picture('done')
})

await pictures('dark', NARROW, (_, picture) => picture('idle'))

await pictures('light', NARROW, async (page, picture) => {
  await loadExample(page)
  await useGpu(page)
  await page.locator('#train:enabled').click()
  await trained(page, 50)
  await picture('training')
})

await chromium.close()
site.close()
