/** The panel of the result: the files of the directory, its download, and what the verifier says. */

import { element, part } from './elements'
import type { Diagnostic } from './engine'
import { attempt, finding } from './problem'
import { bytes, count } from './quantities'
import type { Session } from './session'

export class ResultPanel {
  readonly #panel = part('result', HTMLElement)
  readonly #slot = part('result-problem', HTMLDivElement)
  readonly #download = part('download', HTMLButtonElement)
  readonly #verify = part('verify', HTMLButtonElement)
  readonly #state = part('verify-state', HTMLParagraphElement)

  constructor(readonly session: Session) {
    this.#download.addEventListener('click', () => void this.#save())
    this.#verify.addEventListener('click', () => void attempt(this.#slot, this.#verify, () => this.#check()))
    let phase = session.phase
    session.onChange(() => {
      this.#panel.hidden = session.phase !== 'trained'
      if (session.phase === 'trained' && phase !== 'trained') void attempt(this.#slot, this.#verify, () => this.#show())
      phase = session.phase
    })
  }

  async #show(): Promise<void> {
    const files = [...(await this.session.ask((engine) => engine.files()))]
    const items = files.map(([name, content]) =>
      element('li', {}, element('code', {}, name), element('span', { className: 'size' }, bytes(content.byteLength))),
    )
    part('result-files', HTMLUListElement).replaceChildren(...items)
    await this.#check()
  }

  async #check(): Promise<void> {
    this.#state.textContent = 'Verifying …'
    this.#panel.classList.remove('fine', 'faulty')
    let report: { findings: Diagnostic[]; files: number }
    try {
      report = await this.session.ask((engine) => engine.verify())
    } catch (error) {
      this.#state.textContent = 'Could not be verified.'
      throw error
    }
    const { findings, files } = report
    part('findings', HTMLUListElement).replaceChildren(...findings.map(finding))
    const checked = `${count(files)} ${files === 1 ? 'file' : 'files'} checked`
    const found = findings.length === 0 ? 'nothing is wrong' : `${count(findings.length)} ${findings.length === 1 ? 'finding' : 'findings'}`
    this.#state.textContent = `${checked}: ${found}.`
    this.#panel.classList.add(findings.length === 0 ? 'fine' : 'faulty')
  }

  async #save(): Promise<void> {
    await attempt(this.#slot, this.#download, async () => {
      const zip = await new Response(await this.session.ask((engine) => engine.zip())).blob()
      const address = URL.createObjectURL(zip.slice(0, zip.size, 'application/zip'))
      element('a', { href: address, download: 'model.zip' }).click()
      this.session.saved = true
      setTimeout(() => URL.revokeObjectURL(address), 60_000)
    })
  }
}
