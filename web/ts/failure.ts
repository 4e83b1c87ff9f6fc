import type { Diagnostic } from './types.js';

/** What is said of a program that broke, and of its own last words. Where memory cannot be had it breaks without a word. */
export function failure(error: WebAssembly.RuntimeError, message: string | undefined, wasmBytes: number): Diagnostic {
  if (message === undefined && /unreachable/.test(error.message)) {
    return {
      code: 'out-of-memory',
      severity: 'error',
      message: 'the browser gave no more memory',
      found: `${wasmBytes} bytes in use`,
      hint: 'take a smaller model, a smaller per_device_train_batch_size, or gradient_checkpointing, and create another trainer',
    };
  }
  return {
    code: 'internal',
    severity: 'error',
    message: message ?? error.message,
    hint: 'this is a defect of rtrain; create another trainer',
  };
}
