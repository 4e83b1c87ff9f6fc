// A server of the bench page, its scenarios and the packages, and the browser that opens it.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json' };
const PAGE = '<!doctype html><meta charset="utf-8"><title>bench</title><script type="module" src="/dist/page.js"></script>';

/** With these a page may share memory between threads, which the peers' WebAssembly makes use of, and reads a finer clock. */
const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

/** The browser of the tests, and an adapter for WebGPU that every machine has. */
const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
];

/** Serves the scenarios in a folder; `adapter` is what Chromium calls it: `swiftshader`, or `default` for the machine's own. */
export async function openSite(scenarios, { isolated, adapter }) {
  const folders = {
    dist: join(HERE, 'dist'),
    pkg: join(HERE, '../pkg'),
    'tfjs-wasm': join(HERE, 'node_modules/@tensorflow/tfjs-backend-wasm/wasm-out'),
    scenarios,
  };
  const headers = isolated ? ISOLATION : {};
  const server = createServer((request, response) => serve(request, response, folders, headers)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const flags = [...FLAGS, ...(adapter === 'default' ? [] : [`--use-webgpu-adapter=${adapter}`])];
  const browser = await chromium.launch({ executablePath: process.env.RTRAIN_CHROMIUM || undefined, args: ['--headless=new', ...flags] });
  const open = async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(300_000);
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForFunction(() => window.ready);
    return page;
  };
  const close = async () => {
    await browser.close();
    server.close();
  };
  return { open, close, version: browser.version() };
}

function serve(request, response, folders, headers) {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
  const [, folder, ...rest] = path.split('/');
  const file = folders[folder] && join(folders[folder], ...rest);
  if (path === '/') {
    response.writeHead(200, { 'content-type': 'text/html', ...headers }).end(PAGE);
  } else if (file && existsSync(file) && statSync(file).isFile()) {
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', ...headers });
    createReadStream(file).pipe(response);
  } else {
    response.writeHead(404).end();
  }
}
