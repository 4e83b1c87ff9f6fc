import { locked, tryLock } from './locks.js';
import { Slots } from './slots.js';
import { checkRoom, create, file, names, readRecord, remove, root, sha256, storeError, writeRecord } from './storage.js';
import { RtrainError } from './types.js';
import type { ArgumentValues, StoredRun } from './types.js';

/** Runs that are kept at once; beyond that the oldest go. */
const MOST_RUNS = 5;

/** Bytes that they may have together; beyond that the oldest go, but for one. */
const MOST_BYTES = 4e9;

/** Layout of the store. */
const VERSION = 1;

const RECORD = 'run.json';

/** A file of a run, by its content. */
interface Input {
  name: string;
  bytes: number;
  sha256: string;
}

/** What a training begins with. */
interface Beginning {
  version: number;
  id: string;
  /** Milliseconds since 1970. */
  began: number;
  /** The time as the folders of its logs are called. */
  time: string;
  arguments: ArgumentValues;
  model: { name: string; files: Input[] };
  tables: ({ role: string } & Input)[];
}

/** The same with the contents. */
export interface Inputs {
  time: string;
  arguments: ArgumentValues;
  model: { name: string; files: Map<string, Uint8Array> };
  tables: { role: string; name: string; content: Uint8Array }[];
}

/** A run that this worker alone writes, until it lets it go. */
export interface HeldRun {
  id: string;
  slots: Slots;
  /** Bytes of its inputs. */
  bytes: number;
  release(): void;
}

/**
 * The runs that this site keeps. In the folder `rtrain` there is one folder for each run in `runs`, with `run.json` and its
 * slots; the models and tables of all of them are in `inputs`, named by their checksums.
 */
export class Runs {
  readonly #runs: FileSystemDirectoryHandle;
  readonly #inputs: FileSystemDirectoryHandle;

  private constructor(runs: FileSystemDirectoryHandle, inputs: FileSystemDirectoryHandle) {
    this.#runs = runs;
    this.#inputs = inputs;
  }

  static async open(): Promise<Runs> {
    const folder = await root();
    const folders = ['runs', 'inputs'].map((name) => folder.getDirectoryHandle(name, { create: true }));
    return new Runs(...((await Promise.all(folders)) as [FileSystemDirectoryHandle, FileSystemDirectoryHandle]));
  }

  /** The runs that can go on, the newest first. */
  async list(): Promise<StoredRun[]> {
    const held = await locked();
    const runs = (await names(this.#runs)).map(async (id): Promise<StoredRun | undefined> => {
      const folder = await this.#runs.getDirectoryHandle(id);
      const beginning = await readRecord<Beginning>(folder, RECORD);
      if (beginning?.version !== VERSION) return undefined;
      const [state] = await new Slots(folder, id).states();
      const checkpoints = state?.checkpoints ?? [];
      return {
        id,
        model: beginning.model.name,
        table: beginning.tables.find(({ role }) => role === 'train')?.name ?? '',
        step: state?.step ?? 0,
        total: state?.total ?? 0,
        when: new Date(state?.when ?? beginning.began),
        finished: state?.isFinished ?? false,
        running: held.includes(lockOf(id)),
        bytes: [...beginning.model.files, ...beginning.tables, ...checkpoints].reduce((sum, { bytes }) => sum + bytes, 0),
      };
    });
    const whole = (await Promise.all(runs)).filter((run) => run !== undefined);
    return whole.sort((left, right) => right.when.getTime() - left.when.getTime());
  }

  /** Keeps what a training begins with; the run is held. */
  async begin(inputs: Inputs): Promise<HeldRun> {
    const id = crypto.randomUUID();
    const release = await this.#lock(id);
    let needed = 0;
    try {
      return await this.#alone(async () => {
        await this.#makeRoom();
        const [files, tables]: [Input[], Beginning['tables']] = [[], []];
        const known = new Set(await names(this.#inputs));
        const keep = async (name: string, content: Uint8Array): Promise<Input> => {
          const input = { name, bytes: content.length, sha256: await sha256(content) };
          if (known.has(input.sha256)) return input;
          needed = input.bytes;
          await checkRoom(needed);
          const output = await create(this.#inputs, input.sha256);
          output.write(content);
          await output.close();
          return input;
        };
        for (const [name, content] of inputs.model.files) files.push(await keep(name, content));
        for (const { role, name, content } of inputs.tables) tables.push({ role, ...(await keep(name, content)) });
        const beginning: Beginning = {
          version: VERSION,
          id,
          began: Date.now(),
          time: inputs.time,
          arguments: inputs.arguments,
          model: { name: inputs.model.name, files },
          tables,
        };
        const folder = await this.#runs.getDirectoryHandle(id, { create: true });
        await writeRecord(folder, RECORD, beginning);
        const bytes = [...files, ...tables].reduce((sum, { bytes }) => sum + bytes, 0);
        return { id, slots: new Slots(folder, id), bytes, release };
      });
    } catch (error) {
      await this.#alone(() => this.#forget(id)).catch(() => {});
      release();
      throw await storeError(error, needed);
    }
  }

  /** What a run began with; the run is held. */
  async take(id: string): Promise<{ run: HeldRun; inputs: Inputs }> {
    const release = await this.#lock(id);
    try {
      const folder = await this.#runs.getDirectoryHandle(id).catch(() => undefined);
      const beginning = folder && (await readRecord<Beginning>(folder, RECORD));
      if (!folder || beginning?.version !== VERSION) throw unknown();
      const { time, arguments: values, model } = beginning;
      const read = await Promise.all(model.files.map(async (input) => [input.name, await this.#content(input)] as const));
      const tables = beginning.tables.map(async ({ role, ...input }) => ({ role, name: input.name, content: await this.#content(input) }));
      const inputs = { time, arguments: values, model: { name: model.name, files: new Map(read) }, tables: await Promise.all(tables) };
      const bytes = [...model.files, ...beginning.tables].reduce((sum, { bytes }) => sum + bytes, 0);
      return { run: { id, slots: new Slots(folder, id), bytes, release }, inputs };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Removes a run that nobody holds. */
  async discard(id: string): Promise<void> {
    const release = await this.#lock(id);
    try {
      await this.#alone(() => this.#forget(id));
    } finally {
      release();
    }
  }

  async #content({ name, bytes, sha256: expected }: Input): Promise<Uint8Array> {
    const stored = await file(this.#inputs, expected);
    const content = stored?.size === bytes ? new Uint8Array(await stored.arrayBuffer()) : undefined;
    if (content && (await sha256(content)) === expected) return content;
    throw new RtrainError({
      code: 'run-damaged',
      severity: 'error',
      message: 'the kept training cannot go on: one of its files is damaged',
      file: name,
      expected: `${bytes} bytes`,
      found: stored ? `${stored.size} bytes, or others` : 'no file',
      hint: 'discard it, and begin another one',
    });
  }

  /** Removes runs that are too many, and what a tab has left that was closed while it wrote. */
  async #makeRoom(): Promise<void> {
    const all = await this.list();
    const oldest = all.filter(({ running }) => !running).sort((left, right) => rank(left) - rank(right));
    let bytes = all.reduce((sum, run) => sum + run.bytes, 0);
    for (let count = all.length; oldest[0] && (count >= MOST_RUNS || (bytes > MOST_BYTES && count > 1)); count--) {
      bytes -= oldest[0].bytes;
      await this.#forget((oldest.shift() as StoredRun).id);
    }
    await this.#sweep();
  }

  async #forget(id: string): Promise<void> {
    await remove(this.#runs, id);
    await this.#sweep();
  }

  /** Removes runs without a beginning, and inputs that no run needs. */
  async #sweep(): Promise<void> {
    const needed = new Set<string>();
    const held = await locked();
    for (const id of await names(this.#runs)) {
      const beginning = await readRecord<Beginning>(await this.#runs.getDirectoryHandle(id), RECORD);
      if (beginning) for (const { sha256 } of [...beginning.model.files, ...beginning.tables]) needed.add(sha256);
      else if (!held.includes(lockOf(id))) await remove(this.#runs, id);
    }
    for (const name of await names(this.#inputs)) if (!needed.has(name)) await remove(this.#inputs, name);
  }

  /** Lets no other tab change which runs and inputs there are. */
  async #alone<T>(action: () => Promise<T>): Promise<T> {
    return navigator.locks.request('rtrain-store', action);
  }

  async #lock(id: string): Promise<() => void> {
    const release = await tryLock(lockOf(id));
    if (release) return release;
    throw new RtrainError({
      code: 'run-locked',
      severity: 'error',
      message: 'this training runs in another tab',
      hint: 'let it go on there, or close that tab',
    });
  }
}

/** Finished runs go first, then the oldest. */
function rank({ finished, when }: StoredRun): number {
  return finished ? when.getTime() - 1e15 : when.getTime();
}

function lockOf(id: string): string {
  return `rtrain-run-${id}`;
}

function unknown(): RtrainError {
  return new RtrainError({
    code: 'run-unknown',
    severity: 'error',
    message: 'there is no such training any more',
    hint: 'list the kept trainings again',
  });
}
