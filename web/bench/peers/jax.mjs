// jax-js: the whole step, with its gradient and AdamW, as one function under `jit`. Weight decay is none here.
// Its package of optimizers is not published for this release, so their update is written out.
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { mapTensors, readModel } from './model.mjs';
import { rounds } from './rounds.mjs';

export async function start(files, device, hyperparameters) {
  if (!(await init()).includes(device)) throw new Error(`jax-js has no ${device} here`);
  defaultDevice(device);
  const { config, weights, batches } = await readModel(files);
  let parameters = 0;
  let model = mapTensors(weights, ({ shape, values }) => {
    parameters += values.length;
    return np.array(values).reshape(shape);
  });
  let state = { first: tree.map(np.zerosLike, tree.ref(model)), second: tree.map(np.zerosLike, tree.ref(model)), count: np.array(0) };
  const trainStep = jit((model, state, ids, tokens, labels) => {
    const [cost, gradient] = valueAndGrad((model) => loss(model, config, ids, tokens, labels))(tree.ref(model));
    return [cost, ...adam(model, state, gradient, hyperparameters)];
  });
  const step = async ({ ids, length, lengths, labels }) => {
    const int32 = (values) => np.array(Int32Array.from(values));
    let cost;
    [cost, model, state] = trainStep(model, state, int32(ids).reshape([lengths.length, length]), int32(lengths), int32(labels));
    return (await cost.data())[0];
  };
  return { parameters, run: rounds(batches, step) };
}

function adam(model, { first, second, count }, gradient, { learningRate, beta1, beta2, epsilon }) {
  count = count.add(1);
  const correction = (beta) => np.reciprocal(np.subtract(1, np.power(beta, count.ref)));
  first = tree.map((moment, part) => moment.mul(beta1).add(part.mul(1 - beta1)), first, tree.ref(gradient));
  second = tree.map((moment, part) => moment.mul(beta2).add(np.square(part).mul(1 - beta2)), second, gradient);
  const [firstCorrection, secondCorrection] = [correction(beta1), correction(beta2)];
  const update = (part, first, second) => {
    const denominator = np.sqrt(second.mul(secondCorrection.ref)).add(epsilon);
    return part.sub(first.mul(firstCorrection.ref).mul(learningRate).div(denominator));
  };
  return [tree.map(update, model, tree.ref(first), tree.ref(second)), { first, second, count }];
}

function loss(model, config, ids, lengths, labels) {
  const { hidden_size: width, layer_norm_eps: epsilon, num_attention_heads: heads } = config;
  const [rows, length] = ids.shape;
  const mask = np.arange(length).less(lengths.reshape([rows, 1, 1, 1]));
  const positions = model.positions.slice([0, length]).add(model.types.slice(0));
  let hidden = layerNorm(np.take(model.words, ids, 0).add(positions), model.norm, epsilon);
  for (const layer of model.layers) {
    const attended = attention(hidden.ref, layer, mask.ref, [rows, length, heads, width / heads]);
    hidden = layerNorm(hidden.add(linear(attended, layer.attentionOutput)), layer.attentionNorm, epsilon);
    const inner = nn.gelu(linear(hidden.ref, layer.intermediate), { approximate: false });
    hidden = layerNorm(hidden.add(linear(inner, layer.output)), layer.outputNorm, epsilon);
  }
  mask.dispose();
  const pooled = np.tanh(linear(hidden.slice([], 0), model.pooler));
  const logits = linear(pooled, model.classifier);
  const classes = logits.shape[1];
  return nn.logSoftmax(logits).mul(nn.oneHot(labels, classes)).sum().mul(-1 / rows);
}

function attention(hidden, layer, mask, shape) {
  const [rows, length, heads, size] = shape;
  const projected = linear(hidden, layer.attention).reshape([rows, length, 3, heads, size]);
  const [query, key, value] = [projected.ref.slice([], [], 0), projected.ref.slice([], [], 1), projected.slice([], [], 2)];
  return nn.dotProductAttention(query, key, value, { mask }).reshape([rows, length, heads * size]);
}

function linear(input, { weight, bias }) {
  return np.dot(input, weight).add(bias);
}

function layerNorm(input, { weight, bias }, epsilon) {
  const centred = input.ref.sub(input.mean(-1, { keepdims: true }));
  const variance = np.square(centred.ref).mean(-1, { keepdims: true });
  return centred.div(np.sqrt(variance.add(epsilon))).mul(weight).add(bias);
}
