// The page: starts one peer on one scenario, and makes steps with it when it is asked.
import { PEERS } from './peers/index.mjs';

let peer;

/** Loads a peer and the model; its parameters, and how long it took. */
window.start = async (name, scenario, hyperparameters) => {
  const began = performance.now();
  const { load, device } = PEERS[name];
  const { start } = await load();
  peer = await start(await files(`/scenarios/${scenario}/`), device, hyperparameters);
  return { parameters: peer.parameters, start_ms: performance.now() - began };
};

/** Makes steps, fewer where they take too long: the loss of each, which is read back at once, and its time. */
window.run = (steps, limitMs) => peer.run(steps, limitMs);

window.adapter = async () => {
  const { vendor, architecture, description } = (await navigator.gpu?.requestAdapter())?.info ?? {};
  return [vendor, architecture, description].filter(Boolean).join(' ');
};

window.ready = true;

async function files(folder) {
  const names = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'rows.jsonl', 'batches.json'];
  return new Map(await Promise.all(names.map(async (name) => [name, await (await fetch(folder + name)).blob()])));
}
