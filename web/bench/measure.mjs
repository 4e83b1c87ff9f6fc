// Times a training step of every peer in one Chromium, and compares their losses. web/bench/run calls it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PEERS } from './peers/index.mjs';
import { BATCHES, SCENARIOS, prepare } from './scenarios.mjs';
import { openSite } from './site.mjs';
import { complaints, printTable, summary } from './table.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HYPERPARAMETERS = { learningRate: 5e-5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
/** After so long a round has no more steps, two at least: some peers take seconds for one. */
const ROUND_MS = 20_000;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '10' },
    only: { type: 'string', multiple: true },
    peer: { type: 'string', multiple: true },
    adapter: { type: 'string', default: 'swiftshader' },
    'not-isolated': { type: 'boolean', default: false },
    suffix: { type: 'string', default: '' },
    smoke: { type: 'boolean', default: false },
  },
});
const [rounds, steps] = options.smoke ? [1, 2] : [Number(options.rounds), Number(options.steps)];
const known = SCENARIOS.map(({ name }) => name);
const scenarios = chosen(options.only ?? known.slice(0, options.smoke ? 1 : undefined), known);
const peerNames = chosen(options.peer ?? Object.keys(PEERS), Object.keys(PEERS));

const folder = mkdtempSync(join(tmpdir(), 'rtrain-bench-'));
const site = await openSite(folder, { isolated: !options['not-isolated'], adapter: options.adapter });
let machine;
try {
  machine = await describeMachine();
  for (const scenario of SCENARIOS.filter(({ name }) => scenarios.includes(name))) await measure(scenario);
} finally {
  await site.close();
  rmSync(folder, { recursive: true });
}

function chosen(names, known) {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  console.error(`web/bench/run: there is no ${unknown}, but ${known.join(', ')}`);
  process.exit(2);
}

/** All peers on one scenario: their losses from the same weights, then rounds in turn. */
async function measure(scenario) {
  const directory = join(folder, scenario.name);
  const work = prepare(scenario, directory);
  const peers = new Map();
  for (const name of peerNames) peers.set(name, await begin(name, scenario, work));
  const running = [...peers.values()].filter(({ failure }) => !failure);
  const load = [];
  for (let round = 0; round < rounds; round++) {
    load.push(loadavg()[0]);
    const turned = [...running.slice(round % running.length), ...running.slice(0, round % running.length)];
    for (const peer of turned) await addRound(peer);
  }
  for (const { page } of peers.values()) await page.close();
  const reference = options.smoke ? undefined : referenceLosses(directory, scenario);
  const record = { what: { ...scenario, ...HYPERPARAMETERS, ...work }, machine, load, reference, peers: Object.fromEntries(peers) };
  for (const peer of peers.values()) {
    delete peer.page;
    if (!peer.failure) peer.summary = summary(peer, peers.get('rtrain cpu'), reference);
  }
  printTable(record);
  if (options.smoke) return;
  keep(scenario, record);
  for (const complaint of complaints(record)) {
    console.error(`${scenario.name}, ${complaint}`);
    process.exitCode = 1;
  }
}

/** Starts a peer and takes it once through all batches. */
async function begin(name, { name: scenario, rows, longest }, { parameters }) {
  const page = await site.open();
  try {
    const settings = { ...HYPERPARAMETERS, rows, longest };
    const info = await page.evaluate(([name, scenario, settings]) => window.start(name, scenario, settings), [name, scenario, settings]);
    if (info.parameters !== parameters) throw new Error(`${info.parameters} parameters, not ${parameters}`);
    const { losses, ms } = await run(page, options.smoke ? 2 : BATCHES, Number.MAX_VALUE);
    console.error(`${scenario}, ${name}: first step after ${(info.start_ms + ms[0]).toFixed(0)} ms`);
    return { page, ...info, losses, warm_up_ms: ms, rounds_ms: [] };
  } catch (error) {
    return { page, failure: firstLine(error) };
  }
}

async function addRound(peer) {
  if (peer.failure) return;
  try {
    const { losses, ms } = await run(peer.page, steps, ROUND_MS);
    peer.rounds_ms.push(ms);
    peer.losses.push(...losses);
  } catch (error) {
    peer.failure = firstLine(error);
  }
}

function firstLine(error) {
  return error.message.split('\n')[0].replace(/^page\.evaluate: /, '');
}

function run(page, steps, limitMs) {
  return page.evaluate(([steps, limit]) => window.run(steps, limit), [steps, limitMs]);
}

/** The losses of transformers and torch, where there is a Python with them. */
function referenceLosses(directory, { rows, longest }) {
  if (!process.env.RTRAIN_PYTHON) return undefined;
  const program = fileURLToPath(new URL('reference.py', import.meta.url));
  const environment = { ...process.env, HF_HUB_OFFLINE: '1', TRANSFORMERS_VERBOSITY: 'error' };
  const values = [directory, rows, longest, HYPERPARAMETERS.learningRate].map(String);
  return JSON.parse(execFileSync(process.env.RTRAIN_PYTHON, [program, ...values], { env: environment, encoding: 'utf8' }));
}

async function describeMachine() {
  const page = await site.open();
  const adapter = await page.evaluate(() => window.adapter());
  const isolated = await page.evaluate(() => crossOriginIsolated);
  await page.close();
  const packages = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')).devDependencies;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  return { cpu: cpus()[0].model, processors: cpus().length, system: release(), chromium: site.version, adapter, isolated, packages, rtrain: commit };
}

function keep(scenario, record) {
  const date = new Date().toISOString().slice(0, 10);
  const name = `benches/runs/${date}-browser-${scenario.name}${options.suffix}.json`;
  const short = (key, value) => (key.endsWith('_ms') ? rounded(value) : value);
  // A list of numbers on one line.
  const text = JSON.stringify(record, short, 2).replace(/\[[-\d.,e\s]+\]/g, (list) => list.replace(/\s+/g, ' ').replace(/\[ | \]/g, (end) => end.trim()));
  writeFileSync(join(ROOT, name), `${text}\n`);
  console.log(`raw figures: ${name}\n`);
}

function rounded(times) {
  return Array.isArray(times) ? times.map(rounded) : Math.round(times * 1000) / 1000;
}
