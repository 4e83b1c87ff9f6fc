// What is trained: shapes of a model, and batches of rows of the example reviews.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomWeights, safetensors, shapes, size } from './weights.mjs';
import { wordPiece } from './wordpiece.mjs';

const REVIEWS = fileURLToPath(new URL('../../examples/reviews', import.meta.url));

const MICRO = { hidden_size: 64, num_attention_heads: 4, intermediate_size: 256, vocab_size: 1000 };
const EXAMPLE = {};
const BERT_TINY = { hidden_size: 128, num_attention_heads: 2, intermediate_size: 512, vocab_size: 30522, max_position_embeddings: 512 };

/** Where `fullRows`, each row has exactly `longest` tokens; else those of one review, `longest` at most. */
export const SCENARIOS = [
  { name: 'micro-full', overrides: MICRO, rows: 4, longest: 16, fullRows: true },
  { name: 'example-full', overrides: EXAMPLE, rows: 16, longest: 32, fullRows: true },
  { name: 'example-reviews', overrides: EXAMPLE, rows: 16, longest: 64, fullRows: false },
  { name: 'tiny-full', overrides: BERT_TINY, rows: 16, longest: 32, fullRows: true },
  { name: 'tiny-reviews', overrides: BERT_TINY, rows: 16, longest: 64, fullRows: false },
];

/** Steps through all rows; then they come again in the same order. */
export const BATCHES = 10;

/** Batches are padded to a multiple of this, so that few shapes of them have to be compiled. */
const PADDED_TO = 8;

const WITHOUT_DROPOUT = { hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 };
const LABELS = ['negative', 'positive'];

/** Writes the directory of a model and its rows, as text and as tokens; says what is in it. */
export function prepare(scenario, folder) {
  const config = {
    ...json('model/config.json'),
    ...WITHOUT_DROPOUT,
    ...scenario.overrides,
    id2label: { ...LABELS },
    label2id: Object.fromEntries(LABELS.map((label, index) => [label, index])),
  };
  const tokenizer = json('model/tokenizer.json');
  tokenizer.model.vocab = resized(tokenizer.model.vocab, config.vocab_size);
  const rows = choose(scenario, wordPiece(tokenizer.model.vocab));
  const batches = Array.from({ length: BATCHES }, (_, index) => padded(rows.slice(index * scenario.rows, (index + 1) * scenario.rows)));

  mkdirSync(folder, { recursive: true });
  const write = (name, content) => writeFileSync(join(folder, name), content);
  write('config.json', JSON.stringify(config));
  write('model.safetensors', safetensors(randomWeights(config)));
  write('tokenizer.json', JSON.stringify(tokenizer));
  write('tokenizer_config.json', JSON.stringify(json('model/tokenizer_config.json')));
  write('rows.jsonl', rows.map(({ text, label }) => `${JSON.stringify({ text, label: LABELS[label] })}\n`).join(''));
  write('batches.json', JSON.stringify(batches));
  return {
    parameters: [...shapes(config).values()].reduce((sum, shape) => sum + size(shape), 0),
    tokens: batches.map(({ lengths }) => lengths.reduce((sum, length) => sum + length, 0)),
    padded: batches.map(({ length, lengths }) => length * lengths.length),
  };
}

function json(name) {
  return JSON.parse(readFileSync(join(REVIEWS, name), 'utf8'));
}

/** The first tokens of a vocabulary; where it is too small, with some that no text has. */
function resized(vocabulary, size) {
  const tokens = Object.keys(vocabulary).sort((left, right) => vocabulary[left] - vocabulary[right]);
  return Object.fromEntries(Array.from({ length: size }, (_, index) => [tokens[index] ?? `[unused${index}]`, index]));
}

function choose({ rows, longest, fullRows }, tokens) {
  const reviews = readReviews();
  const chosen = [];
  while (chosen.length < BATCHES * rows) {
    let { text, label } = reviews.shift();
    while (fullRows && tokens(text, longest).length < longest) text += ` ${reviews.shift().text}`;
    chosen.push({ text, label: LABELS.indexOf(label), ids: tokens(text, longest) });
  }
  return chosen;
}

function readReviews() {
  const lines = readFileSync(join(REVIEWS, 'train.csv'), 'utf8').matchAll(/^(?:"((?:[^"]|"")*)"|([^",\n]*)),(\w+)$/gm);
  return [...lines].slice(1).map(([, quoted, plain, label]) => ({ text: quoted?.replaceAll('""', '"') ?? plain, label }));
}

function padded(rows) {
  const lengths = rows.map(({ ids }) => ids.length);
  const length = Math.ceil(Math.max(...lengths) / PADDED_TO) * PADDED_TO;
  const ids = rows.flatMap(({ ids }) => [...ids, ...Array(length - ids.length).fill(0)]);
  return { length, lengths, ids, labels: rows.map(({ label }) => label) };
}
