import type { Diagnostic } from '../src/engine'

/** An error of the engine, as the page gets it. */
export class RtrainError extends Error {
  constructor(readonly diagnostic: Diagnostic) {
    super(diagnostic.message)
    this.name = 'RtrainError'
  }
}

export function refuse(code: string, message: string, more: Partial<Diagnostic> = {}): never {
  throw new RtrainError({ code, message, severity: 'error', ...more })
}
