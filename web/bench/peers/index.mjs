// Who trains. To add one is one line here.

export const PEERS = {
  'rtrain webgpu': { load: () => import('./rtrain.mjs'), device: 'webgpu' },
  'rtrain cpu': { load: () => import('./rtrain.mjs'), device: 'cpu' },
  'tfjs webgpu': { load: () => import('./tensorflow.mjs'), device: 'webgpu' },
  'tfjs wasm': { load: () => import('./tensorflow.mjs'), device: 'wasm' },
  'jax-js webgpu': { load: () => import('./jax.mjs'), device: 'webgpu' },
  'jax-js wasm': { load: () => import('./jax.mjs'), device: 'wasm' },
};
