import { create, file, names, readRecord, remove, writeRecord } from './storage.js';
import type { Output } from './storage.js';

/** What the program says of a checkpoint that it has handed out: its files one after the other, and the checksum of all. */
export interface Packed {
  step: number;
  files: { name: string; bytes: number }[];
  bytes: number;
  crc32: number;
}

/** A checkpoint in the store. */
export interface KeptCheckpoint extends Packed {
  /** The name of the file with its bytes. */
  file: string;
  /** Whether it is there for going on only, and not one that the training itself has saved. */
  isExtra: boolean;
}

/** A state of a run: all that it has saved, and at last the checkpoint that it goes on from. */
export interface Slot {
  run: string;
  /** Grows by one with every state. */
  sequence: number;
  step: number;
  total: number;
  /** Milliseconds since 1970. */
  when: number;
  /** Whether the training has ended, and its result is still to be saved. */
  isFinished: boolean;
  checkpoints: KeptCheckpoint[];
}

/** The places of states, taken in turn: while one is written the other is whole. */
const SLOTS = ['slot-0', 'slot-1'];

/**
 * The two slots of a run. A state is written file by file, and its record last; each is flushed before the next is begun.
 * A record that was cut off, or whose files are not what it says, is passed over, and the other slot holds.
 */
export class Slots {
  readonly #folder: FileSystemDirectoryHandle;
  readonly #run: string;

  constructor(folder: FileSystemDirectoryHandle, run: string) {
    this.#folder = folder;
    this.#run = run;
  }

  /** The states whose records are whole, the newest first. */
  async states(): Promise<Slot[]> {
    const records = await Promise.all(SLOTS.map((name) => readRecord<Slot>(this.#folder, name)));
    const states = records.filter((slot) => slot?.run === this.#run) as Slot[];
    return states.sort((left, right) => right.sequence - left.sequence);
  }

  /** Writes the files of a checkpoint, which count once a state names them. `sequence` is that of this state. */
  async pack(
    sequence: number,
    step: number,
    fill: (output: Output) => Promise<Packed | undefined>,
  ): Promise<(Packed & { file: string }) | undefined> {
    const file = `${sequence}.checkpoint-${step}`;
    const output = await create(this.#folder, file);
    let packed: Packed | undefined;
    try {
      packed = await fill(output);
    } finally {
      await output.close();
    }
    return packed && { ...packed, file };
  }

  /** Makes this the newest state, and removes what neither state needs. */
  async write(state: Slot, before: Slot | undefined): Promise<void> {
    await writeRecord(this.#folder, SLOTS[state.sequence % SLOTS.length] as string, state);
    await this.sweep([state, before]);
  }

  /** Removes the files of checkpoints that none of these states names. */
  async sweep(states: (Slot | undefined)[]): Promise<void> {
    const needed = new Set(states.flatMap((state) => state?.checkpoints ?? []).map(({ file }) => file));
    for (const name of await names(this.#folder)) {
      if (/^\d+\.checkpoint-\d+$/.test(name) && !needed.has(name)) await remove(this.#folder, name);
    }
  }

  /** Hands out the files of a checkpoint. Whether they are what was written; `take` returns the checksum of all so far. */
  async unpack(checkpoint: KeptCheckpoint, take: (name: string, bytes: Uint8Array, crc32: number) => number): Promise<boolean> {
    const content = await file(this.#folder, checkpoint.file);
    if (content?.size !== checkpoint.bytes) return false;
    let [start, crc32] = [0, 0];
    for (const { name, bytes } of checkpoint.files) {
      crc32 = take(name, new Uint8Array(await content.slice(start, start + bytes).arrayBuffer()), crc32);
      start += bytes;
    }
    return crc32 === checkpoint.crc32;
  }
}
