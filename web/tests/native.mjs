// The same things by the program rtrain and by real transformers.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export function temporaryFolder() {
  return mkdtempSync(join(tmpdir(), 'rtrain-web-'));
}

/** Runs the program in a folder; what it prints. */
export function rtrain(folder, ...args) {
  return execFileSync(process.env.RTRAIN_BINARY, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Trains by a file of arguments, whose values reach the program as the page's reach the library. */
export function train(folder, values) {
  writeFileSync(join(folder, 'arguments.json'), JSON.stringify(values));
  rtrain(folder, 'train', 'arguments.json', '--quiet');
}

/** The labels that transformers predicts with a directory. */
export function transformersLabels(directory, texts) {
  const program = fileURLToPath(new URL('predict.py', import.meta.url));
  const environment = { ...process.env, HF_HUB_OFFLINE: '1', TRANSFORMERS_VERBOSITY: 'error' };
  const output = execFileSync(process.env.RTRAIN_PYTHON, [program, directory, JSON.stringify(texts)], { env: environment, encoding: 'utf8' });
  return JSON.parse(output);
}

export function write(folder, files) {
  for (const [name, bytes] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
}
