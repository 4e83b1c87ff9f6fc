import type { HeldRun } from './runs.js';
import type { KeptCheckpoint, Packed, Slot } from './slots.js';
import { checkRoom, storeError } from './storage.js';
import type { Output } from './storage.js';
import type { Recovery, TrainEvent } from './types.js';

/** What is kept of a training: the program hands it out and takes it back. */
export interface Keepable {
  /** The steps of the checkpoints that the training itself has saved. */
  checkpoints(): ArrayLike<number>;
  /** What it says is a `Packed` as JSON. */
  pack_checkpoint(step: number, sink: Output): Packing;
  /** Null where the training has saved its last step itself, or has none any more to come. */
  pack_recovery(sink: Output): Packing;
  add_kept(name: string, bytes: Uint8Array, crc32: number): number;
  drop_kept(prefix: string): void;
}

type Packing = string | undefined | Promise<string>;

/** A recovery takes at most this share of the time. */
const SHARE = 0.05;

/** Keeps a training step by step, as long as there is room. */
export class Keeper {
  readonly #run: HeldRun;
  readonly #recovery: Required<Recovery>;
  readonly #tell: (event: TrainEvent) => void;
  #state: Slot | undefined;
  /** The number of the newest state. */
  #sequence = 0;
  #failed = false;
  /** Bytes of the last checkpoint. */
  #bytes = 0;
  /** When the newest state was written, and how long that took, in milliseconds. */
  #kept = performance.now();
  #took = 0;

  constructor(run: HeldRun, recovery: Required<Recovery>, tell: (event: TrainEvent) => void) {
    this.#run = run;
    this.#recovery = recovery;
    this.#tell = tell;
  }

  /** Whether the store has done so far what it was asked to. */
  get keeps(): boolean {
    return !this.#failed;
  }

  get id(): string {
    return this.#run.id;
  }

  /** Hands the newest state that is whole to the program; its step. */
  async restore(session: Keepable): Promise<number> {
    const states = await this.#run.slots.states();
    this.#sequence = states[0]?.sequence ?? 0;
    this.#state = undefined;
    for (const state of states) {
      const checkpoints = await this.#unpacked(state, session);
      if (!checkpoints) {
        this.#tell({ type: 'notice', text: `the newest checkpoint that was kept, of step ${state.step}, is damaged and was passed over` });
        continue;
      }
      this.#state = { ...state, checkpoints };
      // The next state is to take the place of the other slot.
      this.#sequence = state.sequence;
      return state.step;
    }
    return 0;
  }

  /** Keeps what a step has brought, if it is time: each checkpoint of the training, and between them some to recover from. */
  async afterStep(session: Keepable, step: number, total: number): Promise<void> {
    if (this.#failed || step === 0) return;
    const steps = [...Array.from(session.checkpoints())];
    const known = this.#own();
    const isChanged = steps.length !== known.length || steps.some((step) => !known.some((checkpoint) => checkpoint.step === step));
    const since = performance.now() - this.#kept;
    const stepsSince = step - (this.#state?.step ?? 0);
    const isTime = since >= Math.max(this.#recovery.everySeconds * 1000, this.#took / SHARE);
    const isDue = isTime || stepsSince >= this.#recovery.everySteps || step === total;
    if (isChanged || (isDue && stepsSince > 0)) await this.#keep(session, steps, step, total);
  }

  /** Notes that the training has ended: what is left to do is to save its result. */
  async finish(): Promise<void> {
    if (this.#failed || !this.#state) return;
    await this.#attempt(() => this.#write({ ...this.#next(), checkpoints: this.#state?.checkpoints ?? [], isFinished: true }));
  }

  release(): void {
    this.#run.release();
  }

  async #keep(session: Keepable, steps: number[], step: number, total: number): Promise<void> {
    const began = performance.now();
    await this.#attempt(async () => {
      const next = { ...this.#next(), step, total };
      const checkpoints: KeptCheckpoint[] = [];
      for (const step of steps) {
        const known = this.#own().find((checkpoint) => checkpoint.step === step);
        const packed = known ?? (await this.#pack(next.sequence, step, false, (output) => session.pack_checkpoint(step, output)));
        if (packed) checkpoints.push(packed);
      }
      if (!steps.includes(step)) {
        const packed = await this.#pack(next.sequence, step, true, (output) => session.pack_recovery(output));
        // The steps are over: the state before holds until all is.
        if (!packed) return;
        checkpoints.push(packed);
      }
      await this.#write({ ...next, checkpoints });
      this.#tell({ type: 'kept', step, bytes: this.#run.bytes + checkpoints.reduce((sum, { bytes }) => sum + bytes, 0) });
    });
    this.#kept = performance.now();
    this.#took = this.#kept - began;
  }

  async #pack(
    sequence: number,
    step: number,
    isExtra: boolean,
    hand: (output: Output) => Packing,
  ): Promise<KeptCheckpoint | undefined> {
    await checkRoom(this.#bytes);
    const packed = await this.#run.slots.pack(sequence, step, async (output) => {
      const packed = JSON.parse((await hand(output)) ?? 'null') as Packed | null;
      this.#bytes = packed?.bytes ?? this.#bytes;
      return packed ?? undefined;
    });
    return packed && { ...packed, isExtra };
  }

  async #write(state: Slot): Promise<void> {
    await this.#run.slots.write(state, this.#state);
    this.#state = state;
    this.#sequence = state.sequence;
  }

  /** Where the store fails, the training goes on without it. */
  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#failed = true;
      const { diagnostic } = await storeError(error, this.#bytes);
      await this.#run.slots.sweep([this.#state, ...(await this.#run.slots.states().catch(() => []))]).catch(() => {});
      this.#tell({ type: 'unkept', diagnostic });
    }
  }

  #next(): Slot {
    const { step = 0, total = 0 } = this.#state ?? {};
    return { run: this.#run.id, sequence: this.#sequence + 1, step, total, when: Date.now(), isFinished: false, checkpoints: [] };
  }

  /** The checkpoints of the newest state that the training itself has saved. */
  #own(): KeptCheckpoint[] {
    return (this.#state?.checkpoints ?? []).filter(({ isExtra }) => !isExtra);
  }

  /** Hands over the checkpoints of a state; those that are whole, or nothing where the newest is not. */
  async #unpacked(state: Slot, session: Keepable): Promise<KeptCheckpoint[] | undefined> {
    const whole: KeptCheckpoint[] = [];
    for (const checkpoint of [...state.checkpoints].reverse()) {
      const isWhole = await this.#run.slots.unpack(checkpoint, (name, bytes, crc32) => session.add_kept(name, bytes, crc32));
      if (isWhole) {
        whole.unshift(checkpoint);
        continue;
      }
      for (const { name } of checkpoint.files) session.drop_kept(name);
      if (whole.length === 0) return undefined;
      this.#tell({ type: 'notice', text: `checkpoint-${checkpoint.step} was damaged in the browser's store and is lost` });
    }
    return whole;
  }
}
