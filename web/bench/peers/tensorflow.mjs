// TensorFlow.js: eager operations, `optimizer.minimize`. Its Adam has no weight decay, which is none here.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-backend-webgpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { mapTensors, maskBias, readModel } from './model.mjs';
import { rounds } from './rounds.mjs';

export async function start(files, device, { learningRate, beta1, beta2, epsilon }) {
  setWasmPaths('/tfjs-wasm/');
  await tf.setBackend(device);
  await tf.ready();
  if (tf.getBackend() !== device) throw new Error(`TensorFlow.js has no ${device} here`);
  const { config, weights, batches } = await readModel(files);
  let parameters = 0;
  const variables = mapTensors(weights, ({ shape, values }) => {
    parameters += values.length;
    return tf.variable(tf.tensor(values, shape));
  });
  const optimizer = tf.train.adam(learningRate, beta1, beta2, epsilon);
  const step = async (batch) => {
    const cost = tf.tidy(() => optimizer.minimize(() => loss(variables, config, batch), true));
    const [value] = await cost.data();
    cost.dispose();
    return value;
  };
  return { parameters, run: rounds(batches, step) };
}

function loss(model, config, batch) {
  const { hidden_size: width, layer_norm_eps: epsilon, num_attention_heads: heads } = config;
  const shape = { rows: batch.lengths.length, length: batch.length, width, heads };
  const ids = tf.tensor1d(batch.ids, 'int32');
  const mask = tf.tensor4d(maskBias(batch), [shape.rows, 1, 1, shape.length]);
  const positions = tf.add(tf.slice(model.positions, [0, 0], [shape.length, width]), tf.slice(model.types, [0, 0], [1, width]));
  const words = tf.reshape(gather(model.words, ids), [shape.rows, shape.length, width]);
  let hidden = layerNorm(tf.reshape(tf.add(words, positions), [-1, width]), model.norm, epsilon);
  for (const layer of model.layers) {
    hidden = layerNorm(tf.add(hidden, linear(attention(hidden, layer, mask, shape), layer.attentionOutput)), layer.attentionNorm, epsilon);
    const inner = linear(gelu(linear(hidden, layer.intermediate)), layer.output);
    hidden = layerNorm(tf.add(hidden, inner), layer.outputNorm, epsilon);
  }
  const first = tf.reshape(tf.slice(tf.reshape(hidden, [shape.rows, shape.length, width]), [0, 0, 0], [-1, 1, -1]), [-1, width]);
  const logits = linear(tf.tanh(linear(first, model.pooler)), model.classifier);
  return tf.losses.softmaxCrossEntropy(tf.oneHot(tf.tensor1d(batch.labels, 'int32'), logits.shape[1]), logits);
}

function attention(hidden, layer, mask, { rows, length, width, heads }) {
  const size = width / heads;
  // Of rank 4: the wasm backend is slow at transposing more.
  const byHead = (part) => tf.transpose(tf.reshape(part, [rows, length, heads, size]), [0, 2, 1, 3]);
  const [query, key, value] = tf.split(linear(hidden, layer.attention), 3, 1).map(byHead);
  const scores = tf.add(tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(size)), mask);
  const context = tf.matMul(tf.softmax(scores), value);
  return tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [-1, width]);
}

function linear(input, { weight, bias }) {
  const operation = tf.customGrad((input, weight, bias, save) => {
    save([input, weight]);
    const gradFunc = (gradient, [input, weight]) => [product(gradient, weight, false, true), product(input, gradient, true, false), tf.sum(gradient, 0)];
    return { value: tf.fused.matMul({ a: input, b: weight, bias }), gradFunc };
  });
  return operation(input, weight, bias);
}

/** The wasm backend has no fast product of transposed matrices. */
function product(left, right, isLeftTurned, isRightTurned) {
  if (tf.getBackend() !== 'wasm') return tf.matMul(left, right, isLeftTurned, isRightTurned);
  return tf.matMul(isLeftTurned ? tf.transpose(left) : left, isRightTurned ? tf.transpose(right) : right);
}

function layerNorm(input, { weight, bias }, epsilon) {
  const operation = tf.customGrad((input, weight, bias, save) => {
    const centred = tf.sub(input, tf.mean(input, -1, true));
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
    const normal = tf.mul(centred, scale);
    save([normal, scale, weight]);
    const gradFunc = (gradient, [normal, scale, weight]) => {
      const weighted = tf.mul(gradient, weight);
      const along = tf.mul(normal, tf.mean(tf.mul(weighted, normal), -1, true));
      const ofInput = tf.mul(tf.sub(tf.sub(weighted, tf.mean(weighted, -1, true)), along), scale);
      return [ofInput, tf.sum(tf.mul(gradient, normal), 0), tf.sum(gradient, 0)];
    };
    return { value: tf.add(tf.mul(normal, weight), bias), gradFunc };
  });
  return operation(input, weight, bias);
}

function gelu(input) {
  const operation = tf.customGrad((input, save) => {
    const share = tf.mul(tf.add(tf.erf(tf.mul(input, Math.SQRT1_2)), 1), 0.5);
    save([input, share]);
    const gradFunc = (gradient, [input, share]) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(input), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return tf.mul(gradient, tf.add(share, tf.mul(input, density)));
    };
    return { value: tf.mul(input, share), gradFunc };
  });
  return operation(input);
}

/** `tf.gather`, whose own gradient takes UnsortedSegmentSum, for which the wasm backend has no kernel; ScatterNd it has. */
function gather(table, ids) {
  const operation = tf.customGrad((table, ids, save) => {
    save([ids]);
    const gradFunc = (gradient, [ids]) => [tf.scatterND(tf.expandDims(ids, 1), gradient, table.shape), tf.zerosLike(ids)];
    return { value: tf.gather(table, ids), gradFunc };
  });
  return operation(table, ids);
}
