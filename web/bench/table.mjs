// What the rounds of the peers come to.
import { BATCHES } from './scenarios.mjs';

/** How far the losses of two peers may be apart, relatively, in their first steps from the same weights. */
const TOLERANCE = 1e-3;

/** Median of the times, how far the first losses are from those of others, and whether losses fall. */
export function summary({ losses, warm_up_ms: warmUp, rounds_ms: rounds }, rtrain, reference) {
  const times = rounds.flat();
  // Of the same batches, first and last.
  const last = losses.slice(-BATCHES);
  const first = last.map((_, index) => losses[(losses.length - last.length + index) % BATCHES]);
  return {
    steps: times.length,
    median_ms: median(times),
    round_means_ms: rounds.map(mean),
    first_step_ms: warmUp[0],
    loss_fell: mean(first) - mean(last),
    off_torch: reference && distance(losses, reference),
    off_rtrain_cpu: rtrain?.losses && distance(losses, rtrain.losses),
  };
}

/** What makes a comparison void. */
export function complaints({ peers }) {
  return Object.entries(peers).flatMap(([name, { summary: figures }]) => {
    if (!figures) return [];
    const off = figures.off_torch ?? figures.off_rtrain_cpu ?? 0;
    return [
      ...(off <= TOLERANCE ? [] : [`${name}: the losses are ${off.toExponential(1)} off, more than ${TOLERANCE}`]),
      ...(figures.loss_fell > 0 ? [] : [`${name}: the loss does not fall`]),
    ];
  });
}

export function printTable({ what, load, peers }) {
  const [tokens, padded] = [mean(what.tokens), mean(what.padded)];
  console.log(`${what.name}: ${what.parameters} parameters; ${what.rows} rows a step, ${tokens.toFixed(0)} tokens in ${padded.toFixed(0)} places`);
  console.log(`load of the machine at each round: ${load.map((value) => value.toFixed(1)).join(' ')}`);
  const titles = ['ms a step', 'mean of rounds', 'first step', 'loss fell by', 'off torch', 'off rtrain'];
  console.log(line('', titles));
  for (const [name, { summary: figures, failure }] of Object.entries(peers)) {
    console.log(failure ? `${name.padEnd(16)}  not measured: ${failure}` : line(name, columns(figures)));
  }
}

function columns(figures) {
  return [
    figures.median_ms.toFixed(1),
    `${Math.min(...figures.round_means_ms).toFixed(1)} to ${Math.max(...figures.round_means_ms).toFixed(1)}`,
    figures.first_step_ms.toFixed(0),
    figures.loss_fell.toFixed(4),
    figures.off_torch?.toExponential(1) ?? '',
    figures.off_rtrain_cpu?.toExponential(1) ?? '',
  ];
}

function line(name, columns) {
  return name.padEnd(16) + columns.map((text) => text.padStart(18)).join('');
}

/** The largest relative difference in the first steps. */
function distance(losses, others) {
  const steps = Math.min(BATCHES, losses.length, others.length);
  return Math.max(...losses.slice(0, steps).map((loss, index) => Math.abs(loss - others[index]) / Math.abs(others[index])));
}

function median(numbers) {
  const sorted = [...numbers].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
