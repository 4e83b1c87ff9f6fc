import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const reviews = here('../../examples/reviews/')
const engine = here('../pkg/')
const engineFiles = ['index.js', 'worker.js', 'rtrain_web_bg.wasm']

/** The example that comes with the page, from the repository's `examples/`. */
function example(): Plugin {
  const model = readdirSync(`${reviews}model`).map((name) => `model/${name}`)
  return {
    name: 'example',
    generateBundle() {
      for (const name of [...model, 'train.csv', 'validation.csv', 'ATTRIBUTION.md']) {
        this.emitFile({ type: 'asset', fileName: `reviews/${name}`, source: readFileSync(reviews + name) })
      }
    },
  }
}

/** The engine as it is published, beside the page: its worker and its WebAssembly find each other by their addresses. */
function packagedEngine(): Plugin {
  const missing = engineFiles.find((name) => !existsSync(engine + name))
  if (missing) throw new Error(`web/pkg/${missing} is missing: build the package first with web/build, or build with --mode fake`)
  return {
    name: 'packaged-engine',
    generateBundle() {
      for (const name of engineFiles) this.emitFile({ type: 'asset', fileName: `engine/${name}`, source: readFileSync(engine + name) })
    },
  }
}

/** `--mode fake` builds the page with a stand-in for the engine into `dist-fake/`; nothing else ever contains it. */
export default defineConfig(({ mode }) => {
  const fake = mode === 'fake'
  const build = { target: 'es2024', modulePreload: { polyfill: false }, assetsInlineLimit: 0 }
  if (fake) {
    return { base: './', plugins: [example()], resolve: { alias: { rtrain: here('fake/trainer.ts') } }, build: { ...build, outDir: 'dist-fake' } }
  }
  const rolldownOptions = { external: ['rtrain'], output: { paths: { rtrain: '../engine/index.js' } } }
  return { base: './', plugins: [example(), packagedEngine()], build: { ...build, outDir: 'dist', rolldownOptions } }
})
