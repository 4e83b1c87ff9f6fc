/** What the page knows of the package `rtrain`: its one class, and the values that pass. */

/** What went wrong, where, what was expected, what was found, and what to do. */
export interface Diagnostic {
  code: string
  message: string
  file?: string
  place?: string
  expected?: string
  found?: string
  hint?: string
  severity?: 'error' | 'warning' | 'note'
}

export interface ModelInfo {
  modelType: string
  parameters: number
  layers: number
  hiddenSize: number
  vocabSize: number
  labels: string[] | null
  bytes: number
  maxLength: number
  /** Whether there are no weights, so that training starts from random ones. */
  fromScratch?: boolean
}

export interface TableInfo {
  name: string
  rows: number
  columns: string[]
  textColumns: string[]
  labelColumn: string | null
  labels: { name: string; count: number }[]
  preview: string[][]
}

export interface ArgumentInfo {
  name: string
  group: string
  help: string
  kind: 'text' | 'integer' | 'float' | 'flag' | 'choice' | 'steps' | 'names'
  choices?: string[]
  min?: number
  max?: number
  default?: string
}

export type TrainEvent =
  | { type: 'step'; step: number; total: number; epoch: number; loss: number; learningRate: number; tokensPerSecond: number }
  | { type: 'log'; entry: Record<string, number> }
  | { type: 'evaluation'; done: number; total: number }
  | { type: 'metrics'; metrics: Record<string, number> }
  | { type: 'paused' }
  | { type: 'resumed' }
  | { type: 'opened'; model: ModelInfo; tables: Partial<Record<Role, TableInfo>>; arguments: Record<string, ArgumentValue> }
  | { type: 'kept'; step: number; bytes: number }
  | { type: 'unkept'; diagnostic: Diagnostic }
  | { type: 'restarted'; step: number; diagnostic: Diagnostic }
  | { type: 'notice'; text: string }

export interface Prediction {
  label: string
  score: number
  scores: { label: string; score: number }[]
}

export interface TrainResult {
  metrics: Record<string, number>
  stopped: boolean
}

/** A training that the browser keeps. */
export interface StoredRun {
  id: string
  model: string
  table: string
  step: number
  total: number
  when: Date
  /** Whether it has ended, and its result has not been downloaded. */
  finished: boolean
  /** Whether it runs now, in some tab. */
  running: boolean
  bytes: number
}

export type DeviceChoice = 'auto' | 'cpu' | 'webgpu'

export interface Device {
  kind: 'cpu' | 'webgpu'
  name: string
  /** Whether it is a processor that plays a GPU. */
  isSoftware: boolean
}

export type Role = 'train' | 'validation' | 'test'
export type ModelSource = File[] | Blob | string
export type ArgumentValue = string | number | boolean | null

/** One model, its data, and its training, in a worker. */
export interface Engine {
  readonly device: Device
  loadModel(source: ModelSource): Promise<ModelInfo>
  loadTable(role: Role, file: Blob, name: string): Promise<TableInfo>
  argumentTable(): Promise<ArgumentInfo[]>
  setArguments(values: Record<string, ArgumentValue>): Promise<void>
  train(listener: (event: TrainEvent) => void): Promise<TrainResult>
  runs(): Promise<StoredRun[]>
  resumeRun(run: StoredRun, listener: (event: TrainEvent) => void): Promise<TrainResult>
  discardRun(id: string): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
  evaluate(): Promise<Record<string, number>>
  predict(texts: (string | [string, string])[]): Promise<Prediction[]>
  files(): Promise<Map<string, Uint8Array>>
  zip(): Promise<ReadableStream<Uint8Array>>
  verify(): Promise<{ findings: Diagnostic[]; files: number }>
  memory(): Promise<{ wasmBytes: number; gpuBytes: number }>
  dispose(): void
}

/** Starts the engine; the page paints before it is fetched. */
export async function startEngine(device: DeviceChoice): Promise<Engine> {
  const { Trainer } = await import('rtrain')
  return Trainer.create({ device, workerUrl: confined(new URL('engine/worker.js', document.baseURI)) })
}

/**
 * A worker that starts from an address has no policy but that of the server's headers; one that starts from a blob has the
 * page's. So that the page's policy holds on any host, the worker is a blob that imports the address.
 */
function confined(worker: URL): URL {
  return new URL(URL.createObjectURL(new Blob([`import ${JSON.stringify(worker.href)}`], { type: 'text/javascript' })))
}
