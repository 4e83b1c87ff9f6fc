/** What the panels share: the engine, what it has been given, and how far the work is. */

import { startEngine } from './engine'
import { checkFiles, checkParameters } from './memory_limit'
import { diagnosticOf } from './problem'
import type { ArgumentInfo, ArgumentValue, Device, DeviceChoice, Engine, ModelInfo, ModelSource, Role, TableInfo, TrainEvent, TrainResult } from './engine'

/** Codes of errors after which an engine answers nothing any more. */
const BROKEN = ['device-lost', 'device-refused', 'internal', 'out-of-memory', 'worker-ended']

export type Phase = 'starting' | 'setup' | 'training' | 'paused' | 'stopping' | 'trained'

export interface LoadedModel {
  info: ModelInfo
  /** Whether the directory held no weights, so that training starts from random ones. */
  fresh: boolean
  /** Nothing where it came with a training that was continued: another engine does not get it. */
  source: ModelSource | null
}

export interface LoadedTable {
  info: TableInfo
  /** Nothing where it came with a training that was continued. */
  file: Blob | null
}

/** Holds the state, and tells the panels when it changes. */
export class Session {
  phase: Phase = 'starting'
  model: LoadedModel | null = null
  tables: Partial<Record<Role, LoadedTable>> = {}
  values: Record<string, ArgumentValue> = {}
  argumentTable: ArgumentInfo[] = []
  /** Whether the trained model has been downloaded. */
  saved = false
  #engine: Engine | null = null
  #listeners: (() => void)[] = []
  #loads = 0
  /** Whether there is a training that opens a lost GPU anew. */
  #reopens = false

  get device(): Device | null {
    return this.#engine?.device ?? null
  }

  get running(): boolean {
    return this.phase === 'training' || this.phase === 'paused' || this.phase === 'stopping'
  }

  /** Whether something is being loaded that a training would need. */
  get loading(): boolean {
    return this.#loads > 0
  }

  /** Whether predictions mean anything: the model has been trained here, or knows its labels. */
  get predicts(): boolean {
    return this.running || this.phase === 'trained' || (this.model !== null && !this.model.fresh && this.model.info.labels !== null)
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
    listener()
  }

  enter(phase: Phase): void {
    this.phase = phase
    this.#changed()
  }

  /** Starts the engine on a device, and gives it all that the one before it had; that one stays where the new one fails. */
  async start(choice: DeviceChoice): Promise<void> {
    const engine = await startEngine(choice)
    try {
      if (this.argumentTable.length === 0) this.argumentTable = await engine.argumentTable()
      await this.#handOver(engine)
    } catch (error) {
      engine.dispose()
      throw error
    }
    this.#replace(engine)
  }

  /** Asks the engine. Where it breaks, another one takes its place, so that the page can go on. */
  async ask<T>(question: (engine: Engine) => Promise<T>): Promise<T> {
    const engine = this.#engine
    if (!engine) throw new Error('The engine has not started yet.')
    try {
      return await question(engine)
    } catch (error) {
      const { code } = diagnosticOf(error)
      const isBroken = BROKEN.includes(code) && !(code === 'device-lost' && this.#reopens)
      // A GPU that was lost for good is not tried again.
      if (engine === this.#engine && isBroken) await this.#restart(code === 'device-lost' ? 'cpu' : engine.device.kind)
      throw error
    }
  }

  /** Trains. A GPU that is lost meanwhile is opened anew by the engine, so that the questions of others do not replace it. */
  train(training: (engine: Engine) => Promise<TrainResult>): Promise<TrainResult> {
    return this.ask(async (engine) => {
      this.#reopens = true
      try {
        return await training(engine)
      } finally {
        this.#reopens = false
      }
    })
  }

  /** Does something after which more is loaded; no training starts meanwhile. */
  async load(action: () => Promise<void>): Promise<void> {
    this.#loads += 1
    this.#changed()
    try {
      await action()
    } finally {
      this.#loads -= 1
      this.#changed()
    }
  }

  async loadModel(source: ModelSource): Promise<void> {
    checkFiles(source)
    const info = await this.ask((engine) => engine.loadModel(source))
    // The engine has it in the place of the model before.
    this.model = null
    this.enter('setup')
    if (this.device) checkParameters(info, this.device)
    const fresh = info.fromScratch ?? (Array.isArray(source) && !source.some((file) => /\.(safetensors|bin)$/.test(file.name)))
    this.model = { info, fresh, source }
    this.enter('setup')
  }

  async loadTable(role: Role, file: Blob, name: string): Promise<void> {
    const load = (): Promise<TableInfo> => this.ask((engine) => engine.loadTable(role, file, name))
    let info = await load()
    if (role === 'train' && [...info.textColumns, info.labelColumn].some((name) => name !== null && !info.columns.includes(name))) {
      // Columns that were chosen for another table.
      await this.setArguments({ text_column_names: null, label_column_name: null })
      info = await load()
    }
    this.tables[role] = { info, file }
    this.#changed()
  }

  /** Takes over what a training that goes on began with, which the engine has already. */
  adopt(opened: TrainEvent & { type: 'opened' }): void {
    this.values = { ...opened.arguments }
    this.model = { info: opened.model, fresh: opened.model.fromScratch ?? false, source: null }
    this.tables = {}
    for (const [role, info] of Object.entries(opened.tables)) this.tables[role as Role] = { info: this.#corrected(info), file: null }
    this.#changed()
  }

  /** Names the columns of text and of labels, and reads the tables again. */
  async chooseColumns(texts: string[], label: string): Promise<void> {
    await this.setArguments({ text_column_names: texts.join(','), label_column_name: label || null })
    for (const [role, { file, info }] of Object.entries(this.tables)) {
      if (file) await this.loadTable(role as Role, file, info.name)
      else this.tables[role as Role] = { info: this.#corrected(info), file }
    }
    this.#changed()
  }

  /** Sets arguments; null is the default. Where the engine refuses, nothing changes. */
  async setArguments(values: Record<string, ArgumentValue>): Promise<void> {
    await this.ask((engine) => engine.setArguments(values))
    for (const [name, value] of Object.entries(values)) {
      if (value === null) delete this.values[name]
      else this.values[name] = value
    }
    this.#changed()
  }

  /** What broke one engine may break the next: then it starts with nothing loaded. */
  async #restart(choice: DeviceChoice): Promise<void> {
    const engine = await startEngine(choice).catch(() => startEngine('cpu'))
    try {
      await this.#handOver(engine)
      this.#replace(engine)
    } catch {
      engine.dispose()
      this.model = null
      this.tables = {}
      this.#replace(await startEngine(engine.device.kind))
    }
  }

  async #handOver(engine: Engine): Promise<void> {
    // What came with a training that was continued has to be chosen again.
    if (this.model && !this.model.source) [this.model, this.tables] = [null, {}]
    if (this.model?.source) checkParameters(await engine.loadModel(this.model.source), engine.device)
    for (const [role, { file, info }] of Object.entries(this.tables)) if (file) await engine.loadTable(role as Role, file, info.name)
    await engine.setArguments(this.values)
  }

  #replace(engine: Engine): void {
    this.#engine?.dispose()
    this.#engine = engine
    this.enter('setup')
  }

  /** A table that is not read again, with the columns that the arguments name. */
  #corrected(info: TableInfo): TableInfo {
    const { text_column_names: texts, label_column_name: label } = this.values
    const textColumns = texts ? String(texts).split(',') : info.textColumns
    const labelColumn = label ? String(label) : info.labelColumn
    return { ...info, textColumns, labelColumn, labels: labelColumn === info.labelColumn ? info.labels : [] }
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
