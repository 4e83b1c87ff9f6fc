import init, { Session, last_failure } from '../glue/rtrain_web.js';
import { archive } from './archive.js';
import { train } from './course.js';
import type { Outcome } from './course.js';
import { failure } from './failure.js';
import { numbers, parsed, withoutNulls } from './json.js';
import { Keeper } from './keeper.js';
import type { Message, Methods, Request } from './protocol.js';
import { Runs } from './runs.js';
import type { Inputs } from './runs.js';
import { modelFiles } from './sources.js';
import { startTime } from './start_time.js';
import { storeError } from './storage.js';
import { RtrainError } from './types.js';
import type { ArgumentInfo, Deviation, Device, Diagnostic, ModelInfo, Recovery, Role, TableInfo, TrainEvent, TrainResult } from './types.js';

type Handlers = { [M in keyof Methods]: (...args: Parameters<Methods[M]>) => ReturnType<Methods[M]> | Promise<ReturnType<Methods[M]>> };

let session: Session;
let wasm: WebAssembly.Memory;
/** What broke the program, after which it answers nothing else. */
let broken: Diagnostic | undefined;
/** The tables as they came, and the name of the model: what a kept training needs besides the program's own state. */
let tables = new Map<string, { name: string; file: Blob }>();
let modelName = '';
let recovery: Required<Recovery> | false = false;
/** The kept training whose result is loaded: it may go once that is saved. */
let finishedRun: string | undefined;
/** The step that was done last. */
let progress = { step: 0, total: 0 };
let isTraining = false;
let isPaused = false;
/** Wakes a training that waits. */
let wake = (): void => {};
const archives = new Map<number, Generator<Uint8Array>>();
let archiveCount = 0;

const handlers: Handlers = {
  async open(device, asked) {
    wasm = (await init()).memory;
    session = await Session.open(surroundings, device);
    recovery = asked && { everySeconds: asked.everySeconds ?? 30, everySteps: asked.everySteps ?? Infinity };
    const opened = parsed<Device>(session.device());
    return opened.kind === 'webgpu' ? { ...opened, name: (await adapterName()) ?? opened.name } : opened;
  },

  async loadModel(source) {
    refuseWhileTraining('another model can be loaded');
    const { name, files } = await modelFiles(source);
    refuseWhileTraining('another model can be loaded');
    for (const [path, content] of files) session.add_file(path, content);
    const info = parsed<ModelInfo>(session.load_model(name));
    [modelName, finishedRun] = [name, undefined];
    return info;
  },

  async loadTable(role, file, name) {
    const info = parsed<TableInfo>(session.load_table(role, name, new Uint8Array(await file.arrayBuffer())));
    tables.set(role, { name, file });
    return info;
  },

  argumentTable() {
    return parsed<ArgumentInfo[]>(Session.argument_table()).map(withoutNulls);
  },

  setArguments(values) {
    session.set_arguments(JSON.stringify(values));
  },

  train() {
    refuseWhileTraining('another training can begin');
    return training(async () => {
      const time = startTime();
      await session.start(time);
      return { time, keeper: await begun(time) };
    });
  },

  runs() {
    // Where there is no place for files there are no runs.
    return Runs.open().then((runs) => runs.list(), () => []);
  },

  resumeRun(id) {
    refuseWhileTraining('another training can go on');
    return training(async () => {
      const { run, inputs } = await (await Runs.open()).take(id);
      const keeper = new Keeper(run, recovery || { everySeconds: Infinity, everySteps: Infinity }, tell);
      try {
        tell(load(inputs));
        await keeper.restore(session);
        await session.start(inputs.time);
      } catch (error) {
        keeper.release();
        throw error;
      }
      return { time: inputs.time, keeper };
    });
  },

  async discardRun(id) {
    await (await Runs.open()).discard(id);
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

  async zipPiece(number) {
    const next = archives.get(number)?.next();
    if (next && !next.done) return next.value;
    if (archives.delete(number) && !isTraining && finishedRun !== undefined) await saved(finishedRun);
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

  loseDevice() {
    session.lose_device();
  },
};

/** What the program calls. */
const surroundings = {
  otherMessages,

  tell(text: string): void {
    const event = parsed<TrainEvent>(text);
    if (event.type === 'step') event.loss = event.loss ?? NaN;
    if (event.type === 'log') event.entry = numbers(event.entry);
    if (event.type === 'step') progress = event;
    tell(event);
  },
};

/** Trains to the end, once `begin` has begun it. */
async function training(begin: () => Promise<{ time: string; keeper: Keeper | undefined }>): Promise<TrainResult> {
  [isTraining, isPaused, finishedRun, progress] = [true, false, undefined, { step: 0, total: 0 }];
  let keeper: Keeper | undefined;
  try {
    const begun = await begin();
    keeper = begun.keeper;
    const outcome = await train({
      session,
      keeper,
      start: () => session.start(begun.time),
      advance: async () => parsed<Outcome | null>(await session.advance()),
      progress: () => progress,
      between,
      reopen: () => session.reopen_device(),
      tell,
    });
    finishedRun = keeper?.id;
    return finished(outcome);
  } finally {
    isTraining = false;
    keeper?.release();
  }
}

/** Keeps what a training began with; nothing where the browser does not keep it, which is told. */
async function begun(time: string): Promise<Keeper | undefined> {
  if (!recovery) return undefined;
  try {
    const files = new Map(session.model_files().map((name) => [name, session.model_file(name) ?? new Uint8Array()] as const));
    const contents = [...tables].map(async ([role, { name, file }]) => ({ role, name, content: new Uint8Array(await file.arrayBuffer()) }));
    const model = { name: modelName, files };
    const run = await (await Runs.open()).begin({ time, arguments: parsed(session.arguments()), model, tables: await Promise.all(contents) });
    return new Keeper(run, recovery, tell);
  } catch (error) {
    tell({ type: 'unkept', diagnostic: (await storeError(error, 0)).diagnostic });
    return undefined;
  }
}

/** Loads what a kept training began with, in the place of all that was loaded. */
function load(inputs: Inputs): TrainEvent {
  const next = session.another();
  for (const [path, content] of inputs.model.files) next.add_file(path, content);
  const model = parsed<ModelInfo>(next.load_model(inputs.model.name));
  const described: Partial<Record<Role, TableInfo>> = {};
  for (const { role, name, content } of inputs.tables) described[role as Role] = parsed(next.load_table(role, name, content));
  next.set_arguments(JSON.stringify(inputs.arguments));
  const before = session;
  session = next;
  try {
    before.free();
  } catch {
    // It still answers; the browser frees it later.
  }
  modelName = inputs.model.name;
  tables = new Map(inputs.tables.map(({ role, name, content }) => [role, { name, file: new Blob([content as BlobPart]) }]));
  return { type: 'opened', model, tables: described, arguments: inputs.arguments };
}

/** The result of a kept training was saved. */
async function saved(run: string): Promise<void> {
  finishedRun = undefined;
  // What stays is removed when there is too much of it.
  await Runs.open().then((runs) => runs.discard(run), () => {}).catch(() => {});
}

function tell(event: TrainEvent): void {
  send({ type: 'event', event });
}

/** Lets other messages be handled, and waits while the training is paused. */
async function between(): Promise<void> {
  await otherMessages();
  if (isPaused) await resumed();
}

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

async function files(): Promise<[string, Uint8Array][]> {
  return (await session.list_files()).map((name): [string, Uint8Array] => [name, session.file(name) ?? new Uint8Array()]);
}

function finished(outcome: Outcome): TrainResult {
  const metrics = numbers(outcome.metrics);
  tell({ type: 'metrics', metrics });
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
  tell({ type: 'paused' });
  while (isPaused) await new Promise<void>((resolve) => (wake = resolve));
  tell({ type: 'resumed' });
}

function diagnostic(error: unknown): Diagnostic {
  if (error instanceof RtrainError) return error.diagnostic;
  // The program throws its diagnostics as text of JSON.
  if (typeof error === 'string') return withoutNulls(JSON.parse(error) as Diagnostic);
  if (error instanceof WebAssembly.RuntimeError) {
    broken = failure(error, last_failure(), wasm.buffer.byteLength);
    return broken;
  }
  return { code: 'internal', severity: 'error', message: String(error) };
}
