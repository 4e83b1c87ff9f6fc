// A BERT classifier with random weights, the same each time, as the files of a model directory.

/** The tensors of a configuration, with their shapes, as transformers names them. */
export function shapes(config) {
  const { hidden_size: width, intermediate_size: inner } = config;
  const linear = (name, out, from) => [[`${name}.weight`, [out, from]], [`${name}.bias`, [out]]];
  const norm = (name) => [[`${name}.LayerNorm.weight`, [width]], [`${name}.LayerNorm.bias`, [width]]];
  const layer = (name) => [
    ...['query', 'key', 'value'].flatMap((part) => linear(`${name}.attention.self.${part}`, width, width)),
    ...linear(`${name}.attention.output.dense`, width, width),
    ...norm(`${name}.attention.output`),
    ...linear(`${name}.intermediate.dense`, inner, width),
    ...linear(`${name}.output.dense`, width, inner),
    ...norm(`${name}.output`),
  ];
  return new Map([
    ['bert.embeddings.word_embeddings.weight', [config.vocab_size, width]],
    ['bert.embeddings.position_embeddings.weight', [config.max_position_embeddings, width]],
    ['bert.embeddings.token_type_embeddings.weight', [config.type_vocab_size, width]],
    ...norm('bert.embeddings'),
    ...Array.from({ length: config.num_hidden_layers }, (_, index) => layer(`bert.encoder.layer.${index}`)).flat(),
    ...linear('bert.pooler.dense', width, width),
    ...linear('classifier', Object.keys(config.id2label).length, width),
  ]);
}

/** Every weight from a normal distribution around 0, those that scale a LayerNorm around 1. Biases too, so that none may be forgotten. */
export function randomWeights(config) {
  const normal = normals(42);
  const fill = (name, shape) => {
    const centre = name.endsWith('LayerNorm.weight') ? 1 : 0;
    return Float32Array.from({ length: size(shape) }, () => centre + config.initializer_range * normal());
  };
  return new Map([...shapes(config)].map(([name, shape]) => [name, { shape, values: fill(name, shape) }]));
}

export function size(shape) {
  return shape.reduce((product, length) => product * length, 1);
}

/** The bytes of a safetensors file. */
export function safetensors(tensors) {
  const header = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, (end += values.byteLength)] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const padding = Buffer.alloc(-text.length & 7, ' ');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length + padding.length));
  return Buffer.concat([length, text, padding, ...[...tensors.values()].map(({ values }) => Buffer.from(values.buffer))]);
}

/** Mulberry32, and from it normal numbers by Box and Muller. */
function normals(seed) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
