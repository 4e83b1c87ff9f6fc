// A page of this package in a real browser, served from a static server without special headers.
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What is served, by the first part of the path. */
const FOLDERS = {
  pkg: join(root, 'web/pkg'),
  reviews: join(root, 'examples/reviews'),
  semantics: join(root, 'tests/golden/semantics'),
  minilm: join(process.env.RTRAIN_REFERENCE ?? '', 'minilm_classifier'),
};

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json' };

/** Nothing but what the page itself brings, and WebAssembly. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

const PAGE = '<!doctype html><meta charset="utf-8"><title>test</title><script type="module" src="/page.js"></script>';

const SCRIPT = `
import { RtrainError, Trainer } from '/pkg/index.js';
window.Trainer = Trainer;
window.file = async (path, name = path.split('/').at(-1)) => new File([await (await fetch(path)).blob()], name);
/** What an error says; throws where there is none. */
window.diagnostic = async (promise) => {
  const outcome = await promise.then(() => undefined, (error) => error);
  if (!(outcome instanceof RtrainError)) throw new Error('no error: ' + outcome);
  return outcome.diagnostic;
};
window.ready = true;
`;

/** What gives a Chromium without a GPU one that its processor plays. */
export const SOFTWARE_GPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

export const LAUNCH = {
  executablePath: process.env.RTRAIN_CHROMIUM,
  args: [
    ...['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'],
    // A name for the site that browsers do not take for secure.
    '--host-resolver-rules=MAP insecure.test 127.0.0.1',
  ],
};

const KEPT = readFileSync(new URL('kept_page.js', import.meta.url), 'utf8');

/** Opens the page; `close` ends browser and server. */
export async function openPage(more = []) {
  const site = await openSite();
  const browser = await chromium.launch({ ...LAUNCH, args: [...LAUNCH.args, ...more] });
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(site.address);
  await page.waitForFunction(() => window.ready);
  const close = async () => {
    await browser.close();
    site.close();
  };
  return { browser, page, complaints, close };
}

/** Serves the page; `close` ends that. */
export async function openSite() {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

function serve(request, response) {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
  const [, folder, ...rest] = path.split('/');
  const file = FOLDERS[folder] && join(FOLDERS[folder], ...rest);
  const made = { '/': ['.html', PAGE], '/page.js': ['.js', SCRIPT], '/kept.js': ['.js', KEPT] }[path];
  if (made) {
    response.writeHead(200, { 'content-type': TYPES[made[0]], 'content-security-policy': POLICY }).end(made[1]);
  } else if (file && existsSync(file) && statSync(file).isFile()) {
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    // The example's script stands in its page.
    const policy = file.endsWith('example.html') ? {} : { 'content-security-policy': POLICY };
    response.writeHead(200, { 'content-type': type, ...policy });
    createReadStream(file).pipe(response);
  } else {
    response.writeHead(404).end();
  }
}
