/** Models that the memory of a page cannot hold, which are refused before it is filled. */

import type { Device, Diagnostic, ModelInfo, ModelSource } from './engine'
import { bytes, short } from './quantities'

/** WebAssembly addresses no more. */
const MOST_BYTES = 2 ** 32

/** Weights, gradients and two moments of float32; where a GPU has these, the weights and what they are read from. */
const BYTES_PER_PARAMETER: Record<Device['kind'], number> = { cpu: 16, webgpu: 8 }

class ModelTooLarge extends Error {
  readonly diagnostic: Diagnostic

  constructor(found: string) {
    super('the model is too large for a page')
    this.diagnostic = {
      code: 'model-too-large',
      message: this.message,
      expected: `at most ${bytes(MOST_BYTES)} of memory`,
      found,
      hint: 'choose a smaller model, or train this one with the program rtrain',
    }
  }
}

/** Refuses files before they are read. */
export function checkFiles(source: ModelSource): void {
  const files = typeof source === 'string' ? [] : [source].flat()
  const largest = Math.max(0, ...files.map(({ size }) => size))
  if (largest > MOST_BYTES) throw new ModelTooLarge(`a file of ${bytes(largest)}`)
}

/** Refuses a model before it is trained. */
export function checkParameters({ parameters }: ModelInfo, { kind }: Device): void {
  const needed = parameters * BYTES_PER_PARAMETER[kind]
  if (needed > MOST_BYTES) throw new ModelTooLarge(`${short(parameters)} parameters, whose training takes ${bytes(needed)}`)
}
