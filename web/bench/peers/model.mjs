// The model's files as the peers take them that have no reader of their own.

/** The configuration, the weights with `[in, out]` for every linear layer, the three of attention as one, and the batches. */
export async function readModel(files) {
  const config = JSON.parse(await files.get('config.json').text());
  const tensors = readSafetensors(await files.get('model.safetensors').arrayBuffer());
  const vector = (name) => tensors.get(name);
  const linear = (name) => ({ weight: transposed(tensors.get(`${name}.weight`)), bias: tensors.get(`${name}.bias`) });
  const norm = (name) => ({ weight: vector(`${name}.LayerNorm.weight`), bias: vector(`${name}.LayerNorm.bias`) });
  const layer = (name) => ({
    attention: together(['query', 'key', 'value'].map((part) => linear(`${name}.attention.self.${part}`))),
    attentionOutput: linear(`${name}.attention.output.dense`),
    attentionNorm: norm(`${name}.attention.output`),
    intermediate: linear(`${name}.intermediate.dense`),
    output: linear(`${name}.output.dense`),
    outputNorm: norm(`${name}.output`),
  });
  const weights = {
    words: vector('bert.embeddings.word_embeddings.weight'),
    positions: vector('bert.embeddings.position_embeddings.weight'),
    types: vector('bert.embeddings.token_type_embeddings.weight'),
    norm: norm('bert.embeddings'),
    layers: Array.from({ length: config.num_hidden_layers }, (_, index) => layer(`bert.encoder.layer.${index}`)),
    pooler: linear('bert.pooler.dense'),
    classifier: linear('classifier'),
  };
  return { config, weights, batches: JSON.parse(await files.get('batches.json').text()) };
}

/** Makes something of each tensor. */
export function mapTensors(tree, make) {
  if (tree.values instanceof Float32Array) return make(tree);
  const entries = Object.entries(tree).map(([name, part]) => [name, mapTensors(part, make)]);
  return Array.isArray(tree) ? entries.map(([, part]) => part) : Object.fromEntries(entries);
}

/** What is added to the scores of attention: nothing for a token, much below zero for padding. */
export function maskBias({ length, lengths }) {
  return Float32Array.from({ length: length * lengths.length }, (_, index) => (index % length < lengths[Math.floor(index / length)] ? 0 : -1e9));
}

function readSafetensors(buffer) {
  const start = 8 + Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, start - 8)));
  delete header.__metadata__;
  const tensor = ({ shape, data_offsets: [from, to] }) => ({ shape, values: new Float32Array(buffer.slice(start + from, start + to)) });
  return new Map(Object.entries(header).map(([name, entry]) => [name, tensor(entry)]));
}

function transposed({ shape: [rows, columns], values }) {
  const turned = Float32Array.from(values, (_, index) => values[(index % rows) * columns + Math.floor(index / rows)]);
  return { shape: [columns, rows], values: turned };
}

/** Linear layers of the same input as one. */
function together(layers) {
  const [rows, columns] = layers[0].weight.shape;
  const width = columns * layers.length;
  const weight = new Float32Array(rows * width);
  layers.forEach(({ weight: { values } }, part) => {
    for (let row = 0; row < rows; row++) weight.set(values.subarray(row * columns, (row + 1) * columns), row * width + part * columns);
  });
  const bias = Float32Array.from(layers.flatMap(({ bias: { values } }) => [...values]));
  return { weight: { shape: [rows, width], values: weight }, bias: { shape: [width], values: bias } };
}
