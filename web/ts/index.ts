import type { Message, Method, Methods, Request } from './protocol.js';
import { RtrainError } from './types.js';
import type {
  ArgumentInfo,
  ArgumentValues,
  Deviation,
  Device,
  Diagnostic,
  ModelInfo,
  Prediction,
  Recovery,
  Role,
  StoredRun,
  TableInfo,
  TrainEvent,
  TrainResult,
} from './types.js';

export * from './types.js';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: RtrainError): void;
}

/** Fine-tunes one model in a worker of its own. */
export class Trainer {
  readonly device: Device;
  readonly #connection: Connection;
  readonly #keeps: boolean;

  private constructor(connection: Connection, device: Device, keeps: boolean) {
    this.#connection = connection;
    this.device = device;
    this.#keeps = keeps;
  }

  /**
   * Starts a worker. `workerUrl` is where `worker.js` of this package is, if it is not beside this module. `recovery` says how
   * often a training is kept in the browser's storage, from where it goes on after the tab was closed; false keeps nothing.
   */
  static async create(
    options: { device?: 'auto' | 'cpu' | 'webgpu'; workerUrl?: URL; recovery?: Recovery | false } = {},
  ): Promise<Trainer> {
    const { recovery = {} } = options;
    const connection = new Connection(
      options.workerUrl
        ? new Worker(options.workerUrl, { type: 'module' })
        : new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }),
    );
    try {
      const device = await connection.call('open', options.device ?? 'auto', recovery);
      return new Trainer(connection, device, recovery !== false);
    } catch (error) {
      connection.close('the worker could not start');
      throw error;
    }
  }

  /** Loads a model: its files, a zip of them, or the address of a zip or a directory, or the name of a Hub repository. */
  loadModel(source: File[] | Blob | string): Promise<ModelInfo> {
    return this.#connection.call('loadModel', source);
  }

  /** Loads a table: .csv, .tsv, .json or .jsonl, told by the end of its name. */
  loadTable(role: Role, file: Blob, name: string): Promise<TableInfo> {
    return this.#connection.call('loadTable', role, file, name);
  }

  /** All arguments of a training, for a form. */
  argumentTable(): Promise<ArgumentInfo[]> {
    return this.#connection.call('argumentTable');
  }

  /** Sets arguments of the next training. Where one is wrong, all stay as they were. */
  setArguments(values: ArgumentValues): Promise<void> {
    return this.#connection.call('setArguments', values);
  }

  /** Trains to the end, or until it is stopped. */
  train(listener: (event: TrainEvent) => void): Promise<TrainResult> {
    return this.#heard(listener, () => this.#connection.call('train'));
  }

  /** The trainings that this browser keeps, the newest first: of tabs that were closed, and ended ones whose result was not saved. */
  runs(): Promise<StoredRun[]> {
    return this.#connection.call('runs');
  }

  /** Goes on with a training that was kept, to the end that it would have had; what it began with takes the place of what is loaded. */
  resumeRun(run: StoredRun | string, listener: (event: TrainEvent) => void): Promise<TrainResult> {
    return this.#heard(listener, () => this.#connection.call('resumeRun', idOf(run)));
  }

  /** Removes a training that was kept. One that has ended goes by itself once `zip` was read to its end. */
  discardRun(run: StoredRun | string): Promise<void> {
    return this.#connection.call('discardRun', idOf(run));
  }

  /** Lets the training wait after the step that it is in. */
  pause(): Promise<void> {
    return this.#connection.call('pause');
  }

  /** Lets a training go on that waits. */
  resume(): Promise<void> {
    return this.#connection.call('resume');
  }

  /** Lets the training end after the step that it is in, with results as if that had been its last. */
  stop(): Promise<void> {
    return this.#connection.call('stop');
  }

  /** Measures the model as it is now on the validation table, also between two steps of a training. */
  evaluate(): Promise<Record<string, number>> {
    return this.#connection.call('evaluate');
  }

  /** What the model as it is now says of texts, also in the midst of a training. */
  predict(texts: (string | [string, string])[]): Promise<Prediction[]> {
    return this.#connection.call('predict', texts.map((text) => (typeof text === 'string' ? [text] : [...text])));
  }

  /** The files of the model as it is now, as transformers saves them, with those of its checkpoints. */
  async files(): Promise<Map<string, Uint8Array>> {
    return new Map(await this.#connection.call('files'));
  }

  /** The same files in an archive. */
  async zip(): Promise<ReadableStream<Uint8Array>> {
    const connection = this.#connection;
    const archive = await connection.call('zipOpen');
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        const piece = await connection.call('zipPiece', archive);
        if (piece) controller.enqueue(piece);
        else controller.close();
      },
      async cancel() {
        await connection.call('zipClose', archive);
      },
    });
  }

  /** Checks the files of the model as it is now, as `rtrain verify` does. */
  verify(): Promise<{ findings: Diagnostic[]; files: number }> {
    return this.#connection.call('verify');
  }

  /** What the worker has of memory, and of the GPU's. */
  memory(): Promise<{ wasmBytes: number; gpuBytes: number }> {
    return this.#connection.call('memory');
  }

  /** Ends the GPU, as a crash of its driver would, so that a page can try what it does then. */
  loseDevice(): Promise<void> {
    return this.#connection.call('loseDevice');
  }

  /** Compares the GPU with the processor on small models: the largest deviations. Rejected where they are more than rounding. */
  selfCheck(): Promise<Deviation[]> {
    return this.#connection.call('selfCheck');
  }

  async #heard(listener: (event: TrainEvent) => void, train: () => Promise<TrainResult>): Promise<TrainResult> {
    // Without it the browser may forget what is kept when the disk is nearly full.
    if (this.#keeps) void navigator.storage?.persist?.().catch(() => false);
    const unheard = this.#connection.listen(listener);
    try {
      return await train();
    } finally {
      unheard();
    }
  }

  /** Ends the worker, whatever it does; what waits for it is rejected. */
  dispose(): void {
    this.#connection.close('the trainer was disposed of');
  }
}

function idOf(run: StoredRun | string): string {
  return typeof run === 'string' ? run : run.id;
}

/** Requests to a worker, and its answers. */
class Connection {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(event: TrainEvent) => void>();
  #count = 0;
  #closed: Diagnostic | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Message>) => this.#receive(data);
    worker.onerror = (event) => this.close(event.message || 'the worker could not be loaded');
  }

  call<M extends Method>(method: M, ...args: Parameters<Methods[M]>): Promise<ReturnType<Methods[M]>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new RtrainError(this.#closed));
      const request: Request = { id: this.#count++, method, args };
      this.#waiting.set(request.id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage(request);
    });
  }

  listen(listener: (event: TrainEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(message: string): void {
    if (this.#closed) return;
    this.#closed = { code: 'worker-ended', severity: 'error', message, hint: 'create another trainer' };
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new RtrainError(this.#closed));
    this.#waiting.clear();
  }

  #receive(message: Message): void {
    if (message.type === 'event') {
      for (const listener of this.#listeners) listener(message.event);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.type === 'result') waiting?.resolve(message.value);
    else waiting?.reject(new RtrainError(message.diagnostic));
  }
}
