/** How a training goes: its losses, its evaluations, and the time that it takes. */

import type { TrainEvent } from './engine'

/** The metric on the chart is the first of these that an evaluation gives. */
const METRICS = ['eval_accuracy', 'eval_f1', 'eval_f1_macro', 'eval_spearmanr', 'eval_pearson']

/** Weight of the past in the smoothed loss. */
const SMOOTHING = 0.95

export interface Evaluation {
  step: number
  value: number
}

/** Gathers the events of one training. Times are in milliseconds of the page's clock. */
export class Progress {
  readonly losses: number[] = []
  readonly smoothed: number[] = []
  readonly evaluations: Evaluation[] = []
  readonly log: Record<string, number>[] = []
  metric: string | null = null
  step = 0
  total = 0
  epoch = 0
  tokensPerSecond = 0
  evaluating: { done: number; total: number } | null = null
  /** The step before the first that was seen: a training may go on with one of another tab. */
  #before: number | null = null
  #average = 0
  #weight = 0
  #started: number
  #pausedAt: number | null = null
  #paused = 0
  #ended: number | null = null

  constructor(now: number) {
    this.#started = now
  }

  apply(event: TrainEvent, now: number): void {
    switch (event.type) {
      case 'step':
        this.#step(event)
        break
      case 'log':
        this.log.push({ step: this.step, ...event.entry })
        this.#evaluated(event.entry)
        break
      case 'metrics':
        this.#evaluated(event.metrics)
        break
      case 'evaluation':
        this.evaluating = event.done < event.total ? event : null
        break
      case 'paused':
        this.#pausedAt ??= now
        break
      case 'resumed':
        if (this.#pausedAt !== null) this.#paused += now - this.#pausedAt
        this.#pausedAt = null
        break
      case 'restarted':
        this.#rewind(event.step)
        break
      case 'notice':
      case 'opened':
      case 'kept':
      case 'unkept':
        break
    }
  }

  end(now: number): void {
    this.apply({ type: 'resumed' }, now)
    this.evaluating = null
    this.#ended = now
  }

  /** The loss of late, averaged; null before the first step. */
  get loss(): number | null {
    return this.smoothed.at(-1) ?? null
  }

  get latest(): number | null {
    return this.evaluations.at(-1)?.value ?? null
  }

  /** Without the pauses. */
  elapsedSeconds(now: number): number {
    return ((this.#ended ?? this.#pausedAt ?? now) - this.#started - this.#paused) / 1000
  }

  /** By the pace so far; null before the first step. */
  remainingSeconds(now: number): number | null {
    const seen = this.step - (this.#before ?? this.step)
    return seen <= 0 ? null : (this.elapsedSeconds(now) / seen) * (this.total - this.step)
  }

  #step(event: TrainEvent & { type: 'step' }): void {
    this.#before ??= event.step - 1
    this.step = event.step
    this.total = event.total
    this.epoch = event.epoch
    this.tokensPerSecond = event.tokensPerSecond
    this.evaluating = null
    this.losses[event.step - 1] = event.loss
    if (Number.isFinite(event.loss)) {
      this.#average = SMOOTHING * this.#average + (1 - SMOOTHING) * event.loss
      this.#weight = SMOOTHING * this.#weight + (1 - SMOOTHING)
    }
    this.smoothed[event.step - 1] = this.#weight > 0 ? this.#average / this.#weight : event.loss
  }

  /** What came after this step comes again. */
  #rewind(step: number): void {
    this.step = step
    this.evaluating = null
    for (const values of [this.losses, this.smoothed]) values.length = Math.min(values.length, step)
    this.log.splice(0, Infinity, ...this.log.filter((entry) => (entry['step'] ?? 0) <= step))
    this.evaluations.splice(0, Infinity, ...this.evaluations.filter((evaluation) => evaluation.step <= step))
  }

  #evaluated(entry: Record<string, number>): void {
    this.metric ??= METRICS.find((name) => name in entry) ?? null
    const value = this.metric === null ? undefined : entry[this.metric]
    if (value === undefined) return
    const step = entry['step'] ?? this.step
    const last = this.evaluations.at(-1)
    if (last?.step === step) last.value = value
    else this.evaluations.push({ step, value })
  }
}
