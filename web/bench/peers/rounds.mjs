// Rounds of a peer that makes a step when it is given a batch.

/** Takes the batches in turn. `step` gives the loss as a number, so that nothing of it is still under way. */
export function rounds(batches, step) {
  let next = 0;
  return async (steps, limitMs) => {
    const [losses, ms, began] = [[], [], performance.now()];
    while (losses.length < steps && (losses.length < 2 || performance.now() - began <= limitMs)) {
      const start = performance.now();
      losses.push(await step(batches[next++ % batches.length]));
      ms.push(performance.now() - start);
    }
    return { losses, ms };
  };
}
