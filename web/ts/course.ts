import type { Keepable, Keeper } from './keeper.js';
import { RtrainError } from './types.js';
import type { Diagnostic, TrainEvent } from './types.js';

/** How a training ended, as the program says it. */
export interface Outcome {
  metrics: Record<string, number | null>;
  stopped: boolean;
}

/** A training that has begun, and what is around it. */
export interface Course {
  session: Keepable & { keep_checkpoints(): void };
  /** Nothing where the training is not kept. */
  keeper: Keeper | undefined;
  /** Begins it anew, or goes on from what `add_kept` or `keep_checkpoints` has handed over. */
  start(): void | Promise<void>;
  /** Makes a step; how the training ended, once it has, and null before. */
  advance(): Promise<Outcome | null>;
  /** The step that was done last, and how many there are. */
  progress(): { step: number; total: number };
  /** What comes between two steps: other messages, and pauses. */
  between(): Promise<void>;
  /** Makes the device anew after it was lost. */
  reopen(): Promise<void>;
  tell(event: TrainEvent): void;
}

/** Trains to the end; what it ends with. A device that is lost is made anew once, and the training goes on from what was kept last. */
export async function train(course: Course): Promise<Outcome> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await toTheEnd(course);
    } catch (error) {
      const loss = lossOfDevice(error);
      if (!loss || !isFirst) throw error;
      await restart(course, loss);
    }
  }
}

async function toTheEnd({ session, keeper, advance, progress, between }: Course): Promise<Outcome> {
  for (;;) {
    await between();
    const outcome = await advance();
    if (outcome) {
      // One that was stopped may go on later.
      if (!outcome.stopped) await keeper?.finish();
      return outcome;
    }
    const { step, total } = progress();
    await keeper?.afterStep(session, step, total);
  }
}

/** Goes on from the newest checkpoint in the store, else in memory, else from the begin. */
async function restart({ session, keeper, start, reopen, tell }: Course, diagnostic: Diagnostic): Promise<void> {
  const inMemory = Math.max(0, ...Array.from(session.checkpoints()));
  let step = keeper ? await keeper.restore(session) : 0;
  if (step < inMemory) {
    session.keep_checkpoints();
    step = inMemory;
  }
  await reopen();
  await start();
  tell({ type: 'restarted', step, diagnostic });
}

/** What the program says of a device that was lost; nothing where the error is another one. */
function lossOfDevice(error: unknown): Diagnostic | undefined {
  const diagnostic = error instanceof RtrainError ? error.diagnostic : typeof error === 'string' ? (JSON.parse(error) as Diagnostic) : undefined;
  return diagnostic?.code === 'device-lost' ? diagnostic : undefined;
}
