/** The panel of the training: its buttons, its figures, and the chart. */

import type { FirstMistake } from './arguments_panel'
import { Chart } from './chart'
import { element, part } from './elements'
import type { Engine, StoredRun, TrainEvent, TrainResult } from './engine'
import { attempt, reason, sentence } from './problem'
import { Progress } from './progress'
import { bytes, count, duration, figure, metricName, percent } from './quantities'
import type { Phase, Session } from './session'

const REFRESH_MS = 250
const MEMORY_MS = 2000
const LOG_ROWS = 200

/** Where the panels stand one below the other, as in style/page.css. */
const narrow = matchMedia('(max-width: 900px)')

export class TrainingPanel {
  readonly #slot = part('training-problem', HTMLDivElement)
  readonly #train = part('train', HTMLButtonElement)
  readonly #pause = part('pause', HTMLButtonElement)
  readonly #stop = part('stop', HTMLButtonElement)
  readonly #state = part('training-state', HTMLParagraphElement)
  readonly #bar = part('training-bar', HTMLDivElement)
  readonly #notices = part('notices', HTMLUListElement)
  readonly #kept = part('training-kept', HTMLParagraphElement)
  readonly #chart = new Chart(part('chart', HTMLDivElement))
  #progress: Progress | null = null
  #logged = 0
  #outcome = ''

  constructor(readonly session: Session, readonly firstMistake: FirstMistake) {
    this.#train.addEventListener('click', () => void this.#begin())
    this.#pause.addEventListener('click', () => void this.#togglePause())
    this.#stop.addEventListener('click', () => void this.#halt())
    session.onChange(() => this.#showPhase(session.phase))
    addEventListener('beforeunload', (event) => {
      if (session.running || (session.phase === 'trained' && !session.saved)) event.preventDefault()
    })
    setInterval(() => void this.#showMemory(), MEMORY_MS)
  }

  /** Goes on with a training that another tab has begun. */
  resume(run: StoredRun): Promise<void> {
    return this.#run((engine, listener) => engine.resumeRun(run, listener))
  }

  async #begin(): Promise<void> {
    const mistake = await this.firstMistake()
    if (mistake) return mistake.focus()
    await this.#run((engine, listener) => engine.train(listener))
  }

  async #run(train: (engine: Engine, listener: (event: TrainEvent) => void) => Promise<TrainResult>): Promise<void> {
    const progress = new Progress(performance.now())
    this.#progress = progress
    this.#logged = 0
    this.#outcome = ''
    this.#notices.replaceChildren()
    this.#kept.textContent = ''
    part('log', HTMLDivElement).replaceChildren()
    this.#chart.show(progress)
    this.session.saved = false
    this.session.enter('training')
    this.#pause.focus()
    if (narrow.matches) part('training', HTMLElement).scrollIntoView()
    const timer = setInterval(() => this.#refresh(), REFRESH_MS)
    const trained = await attempt(this.#slot, null, async () => {
      const { metrics, stopped } = await this.session.train((engine) => train(engine, (event) => this.#receive(event)))
      progress.apply({ type: 'metrics', metrics }, performance.now())
      this.#outcome = stopped ? `Stopped at step ${count(progress.step)}.` : `Done in ${duration(progress.elapsedSeconds(performance.now()))}.`
    })
    clearInterval(timer)
    progress.end(performance.now())
    const focused = [this.#pause, this.#stop].some((button) => button === document.activeElement)
    this.session.enter(trained ? 'trained' : 'setup')
    if (!trained) this.#state.textContent = 'The training failed.'
    if (focused) this.#train.focus()
    this.#refresh()
  }

  #receive(event: TrainEvent): void {
    this.#progress?.apply(event, performance.now())
    if (event.type === 'paused') this.session.enter('paused')
    if (event.type === 'resumed' && this.session.phase === 'paused') this.session.enter('training')
    if (event.type === 'opened') this.session.adopt(event)
    if (event.type === 'kept') {
      const what = `Kept in this browser at step ${count(event.step)}, ${bytes(event.bytes)}.`
      this.#kept.textContent = `${what} A closed tab can go on from there.`
    }
    if (event.type === 'unkept') {
      this.#kept.textContent = ''
      this.#notice(reason(event.diagnostic), 'warning')
    }
    if (event.type === 'restarted') {
      const from = event.step === 0 ? 'starts again' : `goes on from step ${count(event.step)}`
      this.#notice(`${sentence(event.diagnostic.message).replace(/\.$/, '')}, and opened anew; the training ${from}.`, 'warning')
    }
    if (event.type === 'notice') this.#notice(sentence(event.text))
  }

  #notice(text: string, className = ''): void {
    // A training that starts again says the same again.
    if ([...this.#notices.children].some(({ textContent }) => textContent === text)) return
    this.#notices.append(element('li', { className }, text))
  }

  async #togglePause(): Promise<void> {
    const paused = this.session.phase === 'paused'
    await attempt(this.#slot, null, () => this.session.ask((engine) => (paused ? engine.resume() : engine.pause())))
  }

  async #halt(): Promise<void> {
    const before = this.session.phase
    this.session.enter('stopping')
    const asked = await attempt(this.#slot, null, () => this.session.ask((engine) => engine.stop()))
    if (!asked && this.session.phase === 'stopping') this.session.enter(before)
  }

  #showPhase(phase: Phase): void {
    const { loading, model, tables, running } = this.session
    const focused = document.activeElement
    this.#train.hidden = running
    this.#train.disabled = phase === 'starting' || loading || !model || !tables.train
    this.#train.textContent = phase === 'trained' ? 'Train again' : 'Train'
    this.#train.classList.toggle('primary', phase !== 'trained')
    part('to-result', HTMLAnchorElement).hidden = phase !== 'trained'
    this.#pause.hidden = this.#stop.hidden = !running
    this.#pause.disabled = this.#stop.disabled = phase === 'stopping'
    this.#pause.textContent = phase === 'paused' ? 'Resume' : 'Pause'
    if (focused === this.#stop && phase === 'stopping') part('training', HTMLElement).focus()
    document.documentElement.dataset['phase'] = phase
    this.#state.textContent = this.#stateOf(phase)
  }

  #stateOf(phase: Phase): string {
    const { model, tables } = this.session
    const missing = [model ? '' : 'a model', tables.train ? '' : 'a training table'].filter(Boolean)
    const sentences: Record<Phase, string> = {
      starting: 'The engine starts …',
      setup: this.session.loading ? 'Loading …' : missing.length > 0 ? `Choose ${missing.join(' and ')}.` : 'Ready.',
      training: 'Running.',
      paused: 'Paused.',
      stopping: 'Stopping after this step …',
      trained: this.#outcome,
    }
    return sentences[phase]
  }

  #refresh(): void {
    const progress = this.#progress
    if (!progress) return
    const now = performance.now()
    const show = (id: string, text: string): void => void (part(id, HTMLElement).textContent = text)
    this.#chart.show(progress)
    show('figure-loss', progress.loss === null ? '–' : figure(progress.loss))
    show('figure-metric-name', progress.metric ? metricName(progress.metric) : 'Accuracy')
    show('figure-metric', progress.latest === null ? '–' : percent(progress.latest))
    show('figure-speed', progress.tokensPerSecond > 0 ? count(progress.tokensPerSecond) : '–')
    show('figure-elapsed', duration(progress.elapsedSeconds(now)))
    const remaining = this.session.running ? progress.remainingSeconds(now) : 0
    show('figure-remaining', remaining === null ? '–' : duration(remaining))
    this.#showBar(progress)
    this.#showLog(progress)
  }

  #showBar({ step, total, epoch, evaluating }: Progress): void {
    const share = total > 0 ? step / total : 0
    const text = evaluating
      ? `Evaluating: ${count(evaluating.done)} of ${count(evaluating.total)}`
      : `Step ${count(step)} of ${count(total)}, epoch ${epoch.toFixed(1)}`
    this.#bar.ariaValueNow = String(Math.round(share * 100))
    this.#bar.ariaValueText = text
    part('training-step', HTMLParagraphElement).textContent = total > 0 ? text : ''
    const [fill] = this.#bar.children
    if (fill instanceof HTMLElement) fill.style.inlineSize = `${share * 100}%`
  }

  /** The newest entries of the log; the table is made anew only when there are more. */
  #showLog({ log }: Progress): void {
    if (log.length === this.#logged) return
    this.#logged = log.length
    const entries = log.slice(-LOG_ROWS)
    const names = [...new Set(['step', ...entries.flatMap(Object.keys)])]
    const cell = (value: number | undefined): string => (value === undefined ? '' : Number.isInteger(value) ? count(value) : figure(value))
    const head = element('tr', {}, ...names.map((name) => element('th', { scope: 'col' }, name)))
    const rows = entries.map((entry) => element('tr', {}, ...names.map((name) => element('td', {}, cell(entry[name])))))
    part('log', HTMLDivElement).replaceChildren(element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows)))
  }

  async #showMemory(): Promise<void> {
    if (!this.session.device || document.hidden) return
    // Whoever waits for the engine tells what is wrong with it.
    const memory = await this.session.ask((engine) => engine.memory()).catch(() => null)
    const gpu = memory && memory.gpuBytes > 0 ? [' ', element('small', {}, `+ ${bytes(memory.gpuBytes)} GPU`)] : []
    part('figure-memory', HTMLElement).replaceChildren(memory ? bytes(memory.wasmBytes) : '–', ...gpu)
  }
}
