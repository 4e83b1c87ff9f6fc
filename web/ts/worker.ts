import init, { Session, last_failure } from '../glue/rtrain_web.js';
import { archive } from './archive.js';
import type { Message, Methods, Request } from './protocol.js';
import { modelFiles } from './sources.js';
import { RtrainError } from './types.js';
import type { ArgumentInfo, Deviation, Device, Diagnostic, TrainEvent, TrainResult } from './types.js';

type Handlers = { [M in keyof Methods]: (...args: Parameters<Methods[M]>) => ReturnType<Methods[M]> | Promise<ReturnType<Methods[M]>> };

let session: Session;
let wasm: WebAssembly.Memory;
/** What broke the program, after which it answers nothing else. */
let broken: Diagnostic | undefined;
let isTraining = false;
let isPaused = false;
/** Wakes a training that waits. */
let wake = (): void => {};
const archives = new Map<number, Generator<Uint8Array>>();
let archiveCount = 0;

const handlers: Handlers = {
  async open(device) {
    wasm = (await init()).memory;
    session = await Session.open(surroundings, device);
    const opened = parsed<Device>(session.device());
    return opened.kind === 'webgpu' ? { ...opened, name: (await adapterName()) ?? opened.name } : opened;
  },

  async loadModel(source) {
    refuseWhileTraining('another model can be loaded');
    const { name, files } = await modelFiles(source);
    refuseWhileTraining('another model can be loaded');
    for (const [path, content] of files) session.add_file(path, content);
    return parsed(session.load_model(name));
  },

  async loadTable(role, file, name) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    return parsed(session.load_table(role, name, bytes));
  },

  argumentTable() {
    return parsed<ArgumentInfo[]>(Session.argument_table()).map(withoutNulls);
  },

  setArguments(values) {
    session.set_arguments(JSON.stringify(values));
  },

  async train() {
    refuseWhileTraining('another training can begin');
    isTraining = true;
    isPaused = false;
    try {
      await session.start(startTime());
      for (;;) {
        await otherMessages();
        if (isPaused) await resumed();
        const outcome = parsed<Outcome | null>(await session.advance());
        if (outcome !== null) return finished(outcome);
      }
    } finally {
      isTraining = false;
    }
  },

  pause() {
    isPaused = isTraining;
  },

  resume() {
    isPaused = false;
    wake();
  },

  stop() {
    if (!isTraining) return;
    session.stop();
    isPaused = false;
    wake();
  },

  async evaluate() {
    return numbers(parsed(await session.evaluate()));
  },

  async predict(texts) {
    return parsed(await session.predict(JSON.stringify(texts)));
  },

  files,

  async zipOpen() {
    const content = await files();
    archives.set(++archiveCount, archive(content));
    return archiveCount;
  },

  zipPiece(number) {
    const next = archives.get(number)?.next();
    if (next && !next.done) return next.value;
    archives.delete(number);
    return null;
  },

  zipClose(number) {
    archives.delete(number);
  },

  async verify() {
    const { findings, files } = parsed<{ findings: Diagnostic[]; files: number }>(await session.verify());
    return { findings: findings.map(withoutNulls), files };
  },

  memory() {
    return { wasmBytes: wasm.buffer.byteLength, gpuBytes: session.gpu_bytes() };
  },

  async selfCheck() {
    return parsed<Deviation[]>(await session.self_check());
  },

  destroyDevice() {
    session.destroy_device();
  },
};

/** What the program calls. */
const surroundings = {
  otherMessages,

  tell(text: string): void {
    const event = parsed<TrainEvent>(text);
    if (event.type === 'step') event.loss = event.loss ?? NaN;
    if (event.type === 'log') event.entry = numbers(event.entry);
    send({ type: 'event', event });
  },
};

/** Requests without an answer yet. */
const open = new Set<number>();

self.onmessage = async ({ data: { id, method, args } }: MessageEvent<Request>) => {
  open.add(id);
  try {
    if (broken) throw new RtrainError(broken);
    const handler = handlers[method] as (...args: unknown[]) => unknown;
    const value = await handler(...args);
    answer(id, { type: 'result', id, value }, buffers(value));
  } catch (error) {
    refuse(id, error);
  }
};

// A program that breaks between two messages does not settle its promises.
self.addEventListener('error', (event) => {
  if (!(event.error instanceof WebAssembly.RuntimeError)) return;
  event.preventDefault();
  for (const id of open) refuse(id, event.error);
});

/** What the browser calls its GPU; it may say little. */
async function adapterName(): Promise<string | undefined> {
  const gpu = (navigator as { gpu?: { requestAdapter(options: object): Promise<{ info: Record<string, string> } | null> } }).gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  const { description, vendor, architecture } = adapter?.info ?? {};
  return description || [vendor, architecture].filter(Boolean).join(' ') || undefined;
}

function refuse(id: number, error: unknown): void {
  answer(id, { type: 'error', id, diagnostic: diagnostic(error) });
}

function answer(id: number, message: Message, transfer: Transferable[] = []): void {
  if (open.delete(id)) send(message, transfer);
}

function send(message: Message, transfer: Transferable[] = []): void {
  (self as unknown as Worker).postMessage(message, transfer);
}

/** The memory that goes to the page together with a value. */
function buffers(value: unknown): Transferable[] {
  if (value instanceof Uint8Array) return [value.buffer as ArrayBuffer];
  return Array.isArray(value) ? value.flatMap((item) => buffers(item)) : [];
}

function parsed<T>(text: string): T {
  return JSON.parse(text) as T;
}

/** Without the fields that say nothing. */
function withoutNulls<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null)) as T;
}

/** JSON has no numbers that are not finite. */
function numbers(metrics: Record<string, number | null>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, value ?? NaN]));
}

async function files(): Promise<[string, Uint8Array][]> {
  return (await session.list_files()).map((name): [string, Uint8Array] => [name, session.file(name) ?? new Uint8Array()]);
}

/** How a training ended, as the program says it. */
interface Outcome {
  metrics: Record<string, number | null>;
  stopped: boolean;
}

function finished(outcome: Outcome): TrainResult {
  const metrics = numbers(outcome.metrics);
  send({ type: 'event', event: { type: 'metrics', metrics } });
  return { metrics, stopped: outcome.stopped };
}

function refuseWhileTraining(what: string): void {
  if (!isTraining) return;
  throw new RtrainError({
    code: 'busy',
    severity: 'error',
    message: `there is a training that has to end before ${what}`,
    hint: 'wait for it, or stop it',
  });
}

/** Lets the messages be handled that came in the meantime. */
function otherMessages(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

async function resumed(): Promise<void> {
  send({ type: 'event', event: { type: 'paused' } });
  while (isPaused) await new Promise<void>((resolve) => (wake = resolve));
  send({ type: 'event', event: { type: 'resumed' } });
}

/** The local time as TensorBoard's folders are called. */
function startTime(): string {
  const now = new Date();
  const month = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][now.getMonth()];
  const [day, hours, minutes, seconds] = [now.getDate(), now.getHours(), now.getMinutes(), now.getSeconds()].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${month}${day}_${hours}-${minutes}-${seconds}`;
}

function diagnostic(error: unknown): Diagnostic {
  if (error instanceof RtrainError) return error.diagnostic;
  // The program throws its diagnostics as text of JSON.
  if (typeof error === 'string') return withoutNulls(JSON.parse(error) as Diagnostic);
  if (error instanceof WebAssembly.RuntimeError) {
    broken = failure(error);
    return broken;
  }
  return { code: 'internal', severity: 'error', message: String(error) };
}

/** What is said of a program that broke. Where memory cannot be had it breaks without a word. */
function failure(error: WebAssembly.RuntimeError): Diagnostic {
  const message = last_failure();
  if (message === undefined && /unreachable/.test(error.message)) {
    return {
      code: 'out-of-memory',
      severity: 'error',
      message: 'the browser gave no more memory',
      found: `${wasm.buffer.byteLength} bytes in use`,
      hint: 'take a smaller model, a smaller per_device_train_batch_size, or gradient_checkpointing, and create another trainer',
    };
  }
  return {
    code: 'internal',
    severity: 'error',
    message: message ?? error.message,
    hint: 'this is a defect of rtrain; create another trainer',
  };
}
