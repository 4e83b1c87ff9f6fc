/** The panel of trainings that a closed tab has left, and that can go on. */

import { element, part } from './elements'
import type { StoredRun } from './engine'
import { attempt } from './problem'
import { ago, bytes, count } from './quantities'
import type { Session } from './session'

export class KeptPanel {
  readonly #panel = part('kept', HTMLElement)
  readonly #title = part('kept-title', HTMLHeadingElement)
  readonly #slot = part('kept-problem', HTMLDivElement)
  readonly #list = part('kept-runs', HTMLUListElement)

  /** `resume` goes on with a training to its end. */
  constructor(readonly session: Session, readonly resume: (run: StoredRun) => Promise<void>) {
    let [device, running] = [session.device, session.running]
    session.onChange(() => {
      // Another engine has nothing of what the one before had trained, and a training that failed may go on.
      const changed = session.device !== device || (running && session.phase === 'setup')
      ;[device, running] = [session.device, session.running]
      if (changed) void this.#show()
      for (const button of this.#list.querySelectorAll('button')) button.disabled = session.running || session.loading
    })
  }

  /** Lists what there is. */
  async #show(): Promise<void> {
    await attempt(this.#slot, null, async () => {
      const runs = await this.session.ask((engine) => engine.runs())
      this.#list.replaceChildren(...runs.map((run) => this.#item(run)))
      this.#panel.hidden = runs.length === 0
    })
  }

  #item(run: StoredRun): HTMLLIElement {
    const facts = element('p', {}, element('strong', {}, run.model), ` on ${run.table}, ${standing(run)}`)
    const hint = element('p', { className: 'hint' }, `Kept ${ago(run.when)} in this browser, ${bytes(run.bytes)}.`)
    if (run.running) return element('li', {}, facts, element('p', { className: 'hint' }, 'It runs in another tab.'))
    const resume = element('button', { className: 'button primary', type: 'button' }, whatToDo(run))
    const discard = element('button', { className: 'button', type: 'button', ariaLabel: `Discard ${run.model} on ${run.table}` }, 'Discard')
    const item = element('li', {}, facts, hint, element('div', { className: 'row' }, resume, discard))
    resume.addEventListener('click', () => void this.#resume(run, item))
    discard.addEventListener('click', () => void this.#discard(run, item))
    return item
  }

  async #resume(run: StoredRun, item: HTMLLIElement): Promise<void> {
    this.#remove(item)
    await this.resume(run)
  }

  async #discard(run: StoredRun, item: HTMLLIElement): Promise<void> {
    const discarded = await attempt(this.#slot, this.#list, () => this.session.ask((engine) => engine.discardRun(run.id)))
    if (!discarded) return
    this.#remove(item)
    if (this.#panel.hidden) part('training', HTMLElement).focus()
    else this.#title.focus()
  }

  #remove(item: HTMLLIElement): void {
    item.remove()
    this.#panel.hidden = this.#list.childElementCount === 0
  }
}

function standing({ finished, step, total }: StoredRun): string {
  if (finished) return `ended after ${count(step)} steps; its result was not downloaded`
  return step === 0 ? 'begun' : `step ${count(step)} of ${count(total)}`
}

function whatToDo({ finished, step, total }: StoredRun): string {
  if (finished) return 'Bring its result back'
  return step === 0 ? 'Begin it again' : `Continue at step ${count(step)} of ${count(total)}`
}
