/** The panel where sentences are tried, also while the model trains. */

import { element, part } from './elements'
import type { Prediction } from './engine'
import { attempt, diagnosticOf } from './problem'
import { figure, percent } from './quantities'
import type { Session } from './session'

const EXAMPLES = ['A perfectly pleasant comedy with a big heart.', 'The plot is dull and the jokes are worse.']
const MOST_SENTENCES = 6
const MOST_BARS = 5
const AGAIN_MS = 1500

type Text = string | [string, string]

interface Row {
  text: Text
  node: HTMLLIElement
  bars: HTMLElement
}

export class SentencesPanel {
  readonly #slot = part('sentences-problem', HTMLDivElement)
  readonly #state = part('sentences-state', HTMLParagraphElement)
  readonly #list = part('predictions', HTMLUListElement)
  readonly #first = part('sentence', HTMLInputElement)
  readonly #second = part('second-sentence', HTMLInputElement)
  readonly #button = part('predict', HTMLButtonElement)
  #rows: Row[] = []
  #busy = false

  constructor(readonly session: Session) {
    part('sentence-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#submit()
    })
    let phase = session.phase
    session.onChange(() => {
      this.#showInputs()
      if (session.phase === 'training' && phase !== 'paused' && phase !== 'training') {
        this.#state.textContent = 'Predictions change while the model trains.'
        this.#offerExamples()
      }
      if (session.phase === 'trained' && phase !== 'trained') {
        this.#state.textContent = ''
        void this.#predictAll()
      }
      phase = session.phase
    })
    setInterval(() => {
      if (session.phase === 'training' && !document.hidden) void this.#predictAll()
    }, AGAIN_MS)
  }

  get #pairs(): boolean {
    return this.session.tables.train?.info.textColumns.length === 2
  }

  #showInputs(): void {
    this.#button.disabled = !this.session.predicts
    this.#second.hidden = !this.#pairs
    for (const label of this.#second.labels ?? []) label.hidden = !this.#pairs
  }

  /** Sentences to look at while the example trains; the user's own stay. */
  #offerExamples(): void {
    this.#rows = this.#rows.filter(({ text }) => Array.isArray(text) === this.#pairs)
    const example = this.session.tables.train?.info.labels.some(({ name }) => name === 'positive')
    if (this.#rows.length === 0 && example && !this.#pairs) for (const text of EXAMPLES) this.#add(text)
    this.#list.replaceChildren(...this.#rows.map(({ node }) => node))
  }

  async #submit(): Promise<void> {
    const [first, second] = [this.#first.value.trim(), this.#second.value.trim()]
    const missing = first === '' ? this.#first : this.#pairs && second === '' ? this.#second : null
    if (missing) return missing.focus()
    if (!this.session.predicts) return
    const row = this.#add(this.#pairs ? [first, second] : first)
    const done = await attempt(this.#slot, this.#button, async () => {
      const [prediction] = await this.session.ask((engine) => engine.predict([row.text]))
      if (!prediction) return
      show(row, prediction)
      this.#state.textContent = `${this.#words(row.text)}: ${outcome(prediction)}`
    })
    if (done) this.#first.value = this.#second.value = ''
    else this.#remove(row)
    this.#first.focus()
  }

  #add(text: Text): Row {
    const words = this.#words(text)
    const close = element('button', { className: 'icon-button close', type: 'button', ariaLabel: `Remove: ${words}` }, '×')
    const bars = element('div', { className: 'bars' })
    const node = element('li', {}, element('p', { className: 'prediction-text' }, words), close, bars)
    const row = { text, node, bars }
    close.addEventListener('click', () => {
      this.#remove(row)
      this.#first.focus()
    })
    this.#rows = [row, ...this.#rows].slice(0, MOST_SENTENCES)
    this.#list.replaceChildren(...this.#rows.map(({ node }) => node))
    return row
  }

  #remove(row: Row): void {
    this.#rows = this.#rows.filter((other) => other !== row)
    row.node.remove()
  }

  #words(text: Text): string {
    return Array.isArray(text) ? text.join(' | ') : text
  }

  /** Predicts all sentences anew; one at a time, so that a slow device is not flooded. */
  async #predictAll(): Promise<void> {
    if (this.#busy || this.#rows.length === 0) return
    this.#busy = true
    try {
      const rows = [...this.#rows]
      const predictions = await this.session.ask((engine) => engine.predict(rows.map(({ text }) => text)))
      for (const [index, row] of rows.entries()) {
        const prediction = predictions[index]
        if (prediction) show(row, prediction)
      }
    } catch (error) {
      // The training opens it anew, or tells why not.
      if (diagnosticOf(error).code === 'device-lost' && this.session.running) return
      await attempt(this.#slot, null, () => Promise.reject(error))
      this.#rows = []
    } finally {
      this.#busy = false
    }
  }
}

/** Bars of the labels; where there are few in the order of their names, so that they do not jump, else of the likeliest. */
function show(row: Row, { label, score, scores }: Prediction): void {
  if (scores.length < 2) {
    row.bars.replaceChildren(element('p', { className: 'number-prediction' }, figure(score)))
    return
  }
  const likeliest = scores.toSorted((a, b) => b.score - a.score).slice(0, MOST_BARS)
  const shown = scores.length <= MOST_BARS ? likeliest.toSorted((a, b) => (a.label < b.label ? -1 : 1)) : likeliest
  if (row.bars.childElementCount !== shown.length) row.bars.replaceChildren(...shown.map(bar))
  for (const [index, entry] of shown.entries()) {
    const node = row.bars.children[index] as HTMLElement
    const [name, track, value] = node.children as unknown as [HTMLElement, HTMLElement, HTMLElement]
    node.classList.toggle('best', entry.label === label)
    name.textContent = entry.label
    ;(track.firstElementChild as HTMLElement).style.inlineSize = `${entry.score * 100}%`
    value.textContent = percent(entry.score)
  }
}

function bar(): HTMLElement {
  const track = element('span', { className: 'prediction-track', ariaHidden: 'true' }, element('span'))
  return element('div', { className: 'prediction-bar' }, element('span', { className: 'prediction-label' }), track, element('span', { className: 'prediction-score' }))
}

function outcome({ label, score, scores }: Prediction): string {
  return scores.length < 2 ? figure(score) : `${label}, ${percent(score)}`
}
