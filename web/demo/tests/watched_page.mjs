/** A page under watch: what it reports to the console, and which connections its policy refused. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

/** @typedef {import('playwright-core').Page} Page */

const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')

/**
 * Opens the page and waits until the engine has started or failed.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} address
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function open(browser, address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  /** @type {string[]} */
  const complaints = []
  page.on('console', (message) => void (['error', 'warning'].includes(message.type()) && complaints.push(message.text())))
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))
  })
  await page.goto(address)
  await page.waitForFunction(() => document.documentElement.dataset['device'] || document.querySelector('#page-problem .problem'))
  return { page, complaints, close: () => context.close() }
}

/** @param {Page} page */
export async function loadExample(page) {
  await page.click('#load-example')
  await page.locator('#train:enabled').waitFor()
}

/** @param {Page} page @param {string} button @param {string} name @param {string | Buffer} content */
export async function choose(page, button, name, content) {
  await page.setInputFiles(`input[data-for=${button}]`, { name, mimeType: 'text/plain', buffer: Buffer.from(content) })
  await page.waitForFunction(() => !document.querySelector('[aria-busy]'))
}

/** The message that a panel shows. @param {Page} page @param {string} panel */
export async function problem(page, panel) {
  return (await page.locator(`#${panel}-problem .problem`).innerText()).replace(/\s+/g, ' ').replace(/ ×$/, '')
}

/** @param {Page} page */
export async function finished(page) {
  await page.locator('#result:not([hidden])').waitFor({ timeout: 300_000 })
  await page.locator('.fine, .faulty').waitFor()
}

/** Something is painted within a second: in one of twenty times, since the machine may be busy with other things. @param {Page} page */
export async function paintsSoon(page) {
  const times = []
  while (times.length < 20) {
    await page.waitForFunction(() => document.documentElement.dataset['device'])
    const time = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity)
    if (time < 1000) return
    times.push(time)
    await page.reload()
  }
  assert.fail(`first paint after ${times} ms`)
}

/** Nothing that the rules of WCAG 2.2 AA find, and nothing wider than the window. @param {Page} page @param {string} state */
export async function accessible(page, state) {
  await page.evaluate(axe)
  const violations = await page.evaluate(async () => {
    const options = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }
    // @ts-expect-error: the script above defines it.
    const { violations } = await globalThis.axe.run(document, options)
    return violations.map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes.map((/** @type {any} */ { html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`)
  })
  assert.deepEqual(violations, [], state)
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
  assert.equal(content, window, `${state}: wider than the window`)
}
