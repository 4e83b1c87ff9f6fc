// Prints the package.json of the npm package: its version is that of the workspace.
import { readFileSync } from 'node:fs';

const version = /\[workspace\.package\]\nversion = "(.*)"/.exec(readFileSync('../Cargo.toml', 'utf8'))?.[1];
const description = {
  name: 'rtrain',
  version,
  description: 'Fine-tunes HuggingFace models in a browser tab, and hands out what transformers would have saved',
  license: 'Apache-2.0',
  repository: { type: 'git', url: 'git+https://github.com/rtrain/rtrain.git' },
  type: 'module',
  main: './index.js',
  types: './index.d.ts',
  exports: {
    '.': { types: './index.d.ts', default: './index.js' },
    './worker.js': './worker.js',
    './rtrain_web_bg.wasm': './rtrain_web_bg.wasm',
  },
  sideEffects: ['./worker.js'],
};
console.log(JSON.stringify(description, null, 2));
