/** The built page on a plain static host without special headers, and a browser that looks at it. */

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json', '.wasm': 'application/wasm' }

/**
 * Serves a folder beside this one; its address, and how to end it.
 *
 * @param {string} folder
 */
export async function serve(folder) {
  const root = fileURLToPath(new URL(`../${folder}/`, import.meta.url))
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname)
    const file = join(root, path.endsWith('/') ? `${path}index.html` : path)
    try {
      const content = await readFile(file)
      const type = TYPES[/** @type {keyof typeof TYPES} */ (extname(file))] ?? 'application/octet-stream'
      response.writeHead(200, { 'content-type': type }).end(content)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = /** @type {import('node:net').AddressInfo} */ (server.address())
  return { address: `http://127.0.0.1:${address.port}/`, close: () => server.close() }
}

/** What gives a Chromium without a GPU one that its processor plays. */
export const SOFTWARE_GPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']

/** The Chromium of `RTRAIN_CHROMIUM`, else that of Debian, else the one that playwright has installed. */
export function browser(more = ['--disable-gpu']) {
  const executablePath = process.env['RTRAIN_CHROMIUM'] || ['/usr/bin/chromium'].find(existsSync)
  return chromium.launch({ ...(executablePath ? { executablePath } : {}), args: ['--no-sandbox', '--disable-quic', '--disable-sync', ...more] })
}
