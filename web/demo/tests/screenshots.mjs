/** Takes the pictures of docs/demo: `node tests/screenshots.mjs FOLDER [dist|dist-fake]`. */

import { mkdirSync } from 'node:fs'
import { browser, serve } from './site.mjs'

const [target = 'screenshots', built = 'dist'] = process.argv.slice(2)
mkdirSync(target, { recursive: true })
const site = await serve(built)
const chromium = await browser()

/** @param {'light' | 'dark'} colorScheme @param {string} kind @param {(page: import('playwright-core').Page, picture: (name: string) => Promise<void>) => Promise<void>} look */
async function pictures(colorScheme, kind, look) {
  const narrow = kind === 'narrow'
  const viewport = narrow ? { width: 360, height: 740 } : { width: 1280, height: 860 }
  const page = await chromium.newPage({ colorScheme, viewport })
  await page.goto(site.address)
  await page.locator('#load-example:enabled').waitFor()
  await look(page, async (name) => {
    await page.waitForTimeout(500)
    await page.screenshot({ path: `${target}/${name}-${narrow ? 'narrow-' : ''}${colorScheme}.png`, fullPage: !narrow })
  })
  await page.close()
}

for (const scheme of /** @type {const} */ (['light', 'dark'])) {
  for (const kind of ['wide', 'narrow']) {
    await pictures(scheme, kind, async (page, picture) => {
      await picture('idle')
      await page.setInputFiles('input[data-for=model-files]', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('Not a model.') })
      await page.locator('#model-problem .problem').waitFor()
      await picture('error')
      await page.click('#load-example')
      await page.locator('#train:enabled').waitFor()
      await page.click('#train')
      await page.waitForFunction(() => Number(document.querySelector('#training-bar')?.getAttribute('aria-valuenow')) >= 55, null, { timeout: 600_000 })
      await picture('training')
      await page.locator('#result:not([hidden])').waitFor({ timeout: 600_000 })
      await page.locator('.fine, .faulty').waitFor()
      await picture('done')
    })
  }
}
await chromium.close()
site.close()
