/**
 * A stand-in for the engine, for work on the page and its tests: the same interface, errors with the core's codes, and a
 * bag of words in place of the network. `?step_ms=` sets the time of a step, `?fail=` what goes wrong:
 * `start`, `webgpu` (there is none), `gpu` (lost at step 20), `gpu-twice` (lost again there), `verify`, `keep`. With `?kept=120` there is a training of the example that goes on after
 * that step, and one that runs in another tab.
 */

import type { ArgumentInfo, ArgumentValue, Device, DeviceChoice, Diagnostic, Engine, ModelInfo, ModelSource, Prediction, Role, StoredRun, TableInfo, TrainEvent, TrainResult } from '../src/engine'
import argumentTable from './arguments.json'
import { zipped } from './archive'
import { Learner, words } from './learner'
import { refuse, RtrainError } from './problem'
import { readTable } from './table'
import type { Table } from './table'

export { RtrainError }

const settings = new URLSearchParams(location.search)
const stepMs = Number(settings.get('step_ms') ?? 15)
const failing = (what: string): boolean => settings.get('fail') === what
const keptStep = Number(settings.get('kept') ?? 0)
const [LOST_AT, LOST_KEPT] = [20, 10]

/** The trainings that the browser keeps, whichever engine asks. */
const kept = new Map<string, { step: number; total: number }>(keptStep > 0 ? ['here', 'elsewhere'].map((id) => [id, { step: keptStep, total: 400 }]) : [])

const FULL: Diagnostic = {
  code: 'storage-full',
  message: 'the browser has no room to keep this training',
  expected: '4200000 bytes free',
  found: '1000 bytes free of the 10000000 that it gives to this site',
  hint: 'discard kept trainings that are not needed',
}

export class Trainer implements Engine {
  #config: Record<string, unknown> | null = null
  #model: Map<string, Uint8Array> = new Map()
  #tables: Partial<Record<Role, Table>> = {}
  #values: Record<string, ArgumentValue> = {}
  #learner = new Learner(['LABEL_0', 'LABEL_1'])
  #asked: 'go' | 'pause' | 'stop' = 'go'
  #training = false
  #first = 1

  private constructor(readonly device: Device) {}

  static async create(options: { device?: DeviceChoice; workerUrl?: URL } = {}): Promise<Trainer> {
    await pause(30)
    if (failing('start')) refuse('wasm-start', 'the engine could not be started', { hint: 'use a browser with WebAssembly and its SIMD instructions' })
    if (options.device === 'webgpu' && failing('webgpu')) {
      refuse('no-device', 'there is no GPU that can be used', { found: 'no adapter', hint: 'train on the CPU (--device cpu)' })
    }
    const gpu = options.device === 'webgpu' || (options.device !== 'cpu' && !failing('webgpu'))
    return new Trainer({ kind: gpu ? 'webgpu' : 'cpu', name: 'stand-in', isSoftware: false })
  }

  async loadModel(source: ModelSource): Promise<ModelInfo> {
    await pause(40)
    if (typeof source === 'string') return refuse('download', 'the model could not be fetched', { file: source, found: 'the stand-in fetches nothing' })
    const files = Array.isArray(source) ? source : [new File([source], 'model.zip')]
    const bytes = files.reduce((sum, file) => sum + file.size, 0)
    const file = files.find(({ name }) => name === 'config.json')
    if (!file) return refuse('config-missing', 'the files hold no model', { file: 'config.json', expected: 'config.json among the files', found: files.map(({ name }) => name).join(', '), hint: 'choose the folder that save_pretrained has written' })
    this.#config = parsed(await file.text())
    if (this.#config['model_type'] !== 'bert') refuse('unsupported-architecture', 'rtrain does not know this architecture', { file: 'config.json', place: '/model_type', expected: 'bert', found: String(this.#config['model_type']) })
    this.#model = new Map(await Promise.all(files.map(async (file) => [file.name, new Uint8Array(await file.arrayBuffer())] as const)))
    return infoOf(this.#config, bytes)
  }

  async loadTable(role: Role, file: Blob, name: string): Promise<TableInfo> {
    await pause(40)
    const table = readTable(name, await file.text())
    const info = describe(table, this.#values)
    this.#tables[role] = table
    return info
  }

  async argumentTable(): Promise<ArgumentInfo[]> {
    return argumentTable as ArgumentInfo[]
  }

  async setArguments(values: Record<string, ArgumentValue>): Promise<void> {
    await pause(5)
    for (const name of Object.keys(values)) {
      if (!argumentTable.some((argument) => argument.name === name)) refuse('unknown-argument', `there is no argument ${name}`)
    }
    if (values['lr_scheduler_kwargs'] && !String(values['lr_scheduler_kwargs']).startsWith('{')) {
      refuse('argument-value', 'lr_scheduler_kwargs is not an object of JSON', { hint: 'write it as {"num_cycles": 2}' })
    }
    for (const [name, value] of Object.entries(values)) {
      if (value === null) delete this.#values[name]
      else this.#values[name] = value
    }
  }

  async train(listener: (event: TrainEvent) => void): Promise<{ metrics: Record<string, number>; stopped: boolean }> {
    const table = this.#tables.train
    if (!table || !this.#config) return refuse('missing-argument', 'a model and a training table are needed')
    const { textColumns, labelColumn, labels } = describe(table, this.#values)
    if (!labelColumn) return refuse('table-no-column', 'the table has no column of labels', { file: table.name, expected: 'label', found: table.columns.join(', '), hint: 'choose the column under Data' })
    const missing = [...textColumns, labelColumn].find((name) => !table.columns.includes(name))
    if (missing) refuse('table-no-column', `there is no column "${missing}"`, { file: table.name, found: table.columns.join(', ') })
    if (labels.length < 2) refuse('labels-too-few', 'the labels are all the same', { file: table.name, place: `column ${labelColumn}` })
    this.#learner = new Learner(labels.map(({ name }) => name))
    this.#asked = 'go'
    this.#training = true
    try {
      return await this.#run(rowsOf(table, textColumns, labelColumn), listener)
    } finally {
      this.#training = false
    }
  }

  async runs(): Promise<StoredRun[]> {
    const facts = { model: 'reviews', table: 'train.csv', when: new Date(Date.now() - 200_000), finished: false, bytes: 5_300_000 }
    return [...kept].map(([id, steps]) => ({ ...facts, ...steps, id, running: id === 'elsewhere' }))
  }

  async resumeRun(run: StoredRun, listener: (event: TrainEvent) => void): Promise<TrainResult> {
    const fetched = async (path: string): Promise<File> => new File([await (await fetch(`reviews/${path}`)).blob()], path.replace(/.*\//, ''))
    const [train, ...files] = await Promise.all(['train.csv', ...['config.json', 'tokenizer.json', 'tokenizer_config.json'].map((name) => `model/${name}`)].map(fetched))
    const model = { ...(await this.loadModel(files)), fromScratch: true }
    const values = { max_steps: run.total, learning_rate: 5e-4 }
    await this.setArguments(values)
    listener({ type: 'opened', model, tables: { train: await this.loadTable('train', train!, 'train.csv') }, arguments: values })
    this.#first = run.step + 1
    return this.train(listener)
  }

  async discardRun(id: string): Promise<void> {
    kept.delete(id)
  }

  async #run(rows: Row[], listener: (event: TrainEvent) => void): Promise<TrainResult> {
    const batch = Number(this.#values['per_device_train_batch_size'] ?? 8)
    const perEpoch = Math.ceil(rows.length / batch)
    const most = Number(this.#values['max_steps'] ?? -1)
    const total = most > 0 ? most : Math.ceil(perEpoch * Number(this.#values['num_train_epochs'] ?? 3))
    const share = Number(this.#values['eval_steps'] ?? 0.1)
    const every = Math.max(1, share < 1 ? Math.ceil(total * share) : share)
    listener({ type: 'notice', text: 'classifier.weight and classifier.bias are fresh: the model had none.' })
    let [sum, started, isLost] = [0, performance.now(), false]
    const first = this.#first
    this.#first = 1
    for (let step = first; step <= total; step += 1) {
      await pause(stepMs)
      if (step === LOST_AT && this.device.kind === 'webgpu' && (failing('gpu') || failing('gpu-twice'))) {
        const diagnostic: Diagnostic = { code: 'device-lost', message: 'the GPU was lost', found: 'the driver did not answer for 10 s', hint: 'resume from the last checkpoint', severity: 'error' }
        if (!isLost) {
          isLost = true
          listener({ type: 'restarted', step: LOST_KEPT, diagnostic })
          step = LOST_KEPT
          continue
        }
        if (failing('gpu-twice')) {
          kept.set('lost', { step: LOST_KEPT, total })
          throw new RtrainError(diagnostic)
        }
      }
      if (!(await this.#continues(listener))) return { metrics: this.#evaluateAll(), stopped: true }
      const chosen = Array.from({ length: batch }, () => rows[Math.floor(Math.random() * rows.length)]!)
      const tokens = chosen.reduce((tokens, { text }) => tokens + words(text).length + 2, 0)
      const learningRate = 5e-4 * (1 - step / total)
      const losses = chosen.map(({ text, label }) => this.#learner.learn(text, this.#learner.labels.indexOf(label), 0.06 * (1 - step / total)))
      const loss = losses.reduce((sum, loss) => sum + loss, 0) / batch
      const now = performance.now()
      listener({ type: 'step', step, total, epoch: step / perEpoch, loss, learningRate, tokensPerSecond: (tokens / (now - started)) * 1000 })
      started = now
      if (step % 100 === 0 && !failing('keep')) listener({ type: 'kept', step, bytes: 5_300_000 })
      if (step === 20 && failing('keep')) listener({ type: 'unkept', diagnostic: FULL })
      sum += loss
      if (step % 50 === 0) {
        listener({ type: 'log', entry: { loss: sum / 50, grad_norm: 0.5 + Math.random(), learning_rate: learningRate, epoch: step / perEpoch } })
        sum = 0
      }
      if (this.#tables.validation && this.#values['eval_strategy'] === 'steps' && (step % every === 0 || step === total)) {
        for (const done of [0, 16, 32]) listener({ type: 'evaluation', done, total: 32 })
        listener({ type: 'log', entry: { ...this.#evaluateAll(), epoch: step / perEpoch } })
      }
    }
    return { metrics: this.#evaluateAll(), stopped: false }
  }

  /** Waits while it is asked to pause; false once it is asked to stop. */
  async #continues(listener: (event: TrainEvent) => void): Promise<boolean> {
    if (this.#asked === 'pause') {
      listener({ type: 'paused' })
      while (this.#asked === 'pause') await pause(20)
      listener({ type: 'resumed' })
    }
    return this.#asked !== 'stop'
  }

  async pause(): Promise<void> {
    this.#asked = 'pause'
  }

  async resume(): Promise<void> {
    this.#asked = 'go'
  }

  async stop(): Promise<void> {
    this.#asked = 'stop'
  }

  async evaluate(): Promise<Record<string, number>> {
    return this.#evaluateAll()
  }

  #evaluateAll(): Record<string, number> {
    const table = this.#tables.validation
    if (!table) return {}
    const { textColumns, labelColumn } = describe(table, this.#values)
    if (!labelColumn) return {}
    let [right, loss] = [0, 0]
    const rows = rowsOf(table, textColumns, labelColumn)
    for (const { text, label } of rows) {
      const probabilities = this.#learner.probabilities(text)
      const of = probabilities[this.#learner.labels.indexOf(label)] ?? 0
      right += Number(of === Math.max(...probabilities))
      loss -= Math.log(Math.max(of, 1e-9))
    }
    return { eval_loss: loss / rows.length, eval_accuracy: right / rows.length }
  }

  async predict(texts: (string | [string, string])[]): Promise<Prediction[]> {
    await pause(20)
    return texts.map((text) => {
      const probabilities = this.#learner.probabilities(String(text))
      const scores = probabilities.map((score, index) => ({ label: this.#learner.labels[index]!, score }))
      return { ...scores.reduce((best, entry) => (entry.score > best.score ? entry : best)), scores }
    })
  }

  async files(): Promise<Map<string, Uint8Array>> {
    if (this.#training) refuse('busy', 'the model is being trained')
    const weights = new Uint8Array(1_400_000)
    const results = new TextEncoder().encode(JSON.stringify(this.#evaluateAll(), null, 4))
    return new Map([...this.#model, ['model.safetensors', weights], ['training_args.bin', weights.subarray(0, 5304)], ['eval_results.json', results]])
  }

  async zip(): Promise<ReadableStream<Uint8Array>> {
    return new Blob(zipped(await this.files()) as BlobPart[]).stream()
  }

  async verify(): Promise<{ findings: Diagnostic[]; files: number }> {
    await pause(60)
    const findings: Diagnostic[] = [
      { code: 'tensor-missing', message: 'the tensor classifier.bias is missing', file: 'model.safetensors', expected: 'classifier.bias of shape [2]', found: 'no such tensor', hint: 'save the model again', severity: 'error' },
      { code: 'config-default', message: 'use_cache has its default and need not be there', file: 'config.json', place: '/use_cache', severity: 'note' },
    ]
    return { findings: failing('verify') ? findings : [], files: (await this.files()).size }
  }

  async memory(): Promise<{ wasmBytes: number; gpuBytes: number }> {
    const gpuBytes = this.device.kind === 'webgpu' && this.#config ? 18_874_368 : 0
    return { wasmBytes: this.#training ? 143_654_912 : 38_797_312, gpuBytes }
  }

  dispose(): void {
    this.#asked = 'stop'
  }
}

interface Row {
  text: string
  label: string
}

function rowsOf({ columns, rows }: Table, texts: string[], label: string): Row[] {
  const places = texts.map((name) => columns.indexOf(name))
  const at = columns.indexOf(label)
  return rows.map((row) => ({ text: places.map((place) => row[place]).join(' '), label: row[at] ?? '' }))
}

/** Guesses the columns as run_classification.py does, unless arguments name them. */
function describe(table: Table, values: Record<string, ArgumentValue>): TableInfo {
  const { name, columns, rows } = table
  const labelColumn = values['label_column_name'] ? String(values['label_column_name']) : columns.includes('label') ? 'label' : null
  const guessed = ['sentence', 'text'].find((name) => columns.includes(name)) ?? columns.find((name) => name !== labelColumn) ?? columns[0]!
  const textColumns = values['text_column_names'] ? String(values['text_column_names']).split(',') : [guessed]
  const counts = new Map<string, number>()
  const at = columns.indexOf(labelColumn ?? '')
  if (at >= 0) for (const row of rows) counts.set(row[at]!, (counts.get(row[at]!) ?? 0) + 1)
  const labels = [...counts].map(([name, count]) => ({ name, count })).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return { name, rows: rows.length, columns, textColumns, labelColumn, labels, preview: rows.slice(0, 3) }
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return refuse('json-syntax', 'the file is not JSON', { file: 'config.json', place: 'line 1, column 1', found: text.slice(0, 20), hint: 'choose the folder that save_pretrained has written' })
  }
}

function infoOf(config: Record<string, unknown>, bytes: number): ModelInfo {
  const [layers, hidden, vocabulary, longest] = ['num_hidden_layers', 'hidden_size', 'vocab_size', 'max_position_embeddings'].map((name) => Number(config[name] ?? 0)) as [number, number, number, number]
  const inner = Number(config['intermediate_size'] ?? 4 * hidden)
  const parameters = (vocabulary + longest + 2) * hidden + layers * (4 * hidden * hidden + 2 * hidden * inner + 9 * hidden + inner) + hidden * hidden + 5 * hidden + 2
  const names = config['id2label'] as Record<string, string> | undefined
  return { modelType: String(config['model_type']), parameters, layers, hiddenSize: hidden, vocabSize: vocabulary, labels: names ? Object.values(names) : null, bytes, maxLength: longest }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
