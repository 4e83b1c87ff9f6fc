/** The panel where a model is chosen. */

import { acceptDrops, acceptPicks } from './dropping'
import { description, element, part } from './elements'
import { attempt, clearProblem, showProblem } from './problem'
import { bytes, count, short } from './quantities'
import type { LoadedModel, Session } from './session'

/** A model's files as they are chosen: a zip alone, or the files of a directory. */
export function connectModelPanel(session: Session): void {
  const slot = part('model-problem', HTMLDivElement)
  const controls = part('model-controls', HTMLFieldSetElement)
  const load = (files: File[]): void => {
    const [first] = files
    const source = files.length === 1 && first && /\.zip$/i.test(first.name) ? first : files
    void attempt(slot, controls, () => session.load(() => session.loadModel(source)))
  }
  acceptDrops(part('model-drop', HTMLDivElement), load)
  acceptPicks(part('model-folder', HTMLButtonElement), { folder: true }, load)
  acceptPicks(part('model-files', HTMLButtonElement), { multiple: true }, load)
  connectAddress(slot)

  const summary = part('model-summary', HTMLDivElement)
  let shown: LoadedModel | null = null
  session.onChange(() => {
    controls.disabled = session.running || session.phase === 'starting'
    if (session.model === shown) return
    shown = session.model
    clearProblem(slot)
    summary.replaceChildren(...(shown ? summaryOf(shown) : []))
  })
}

/** Loads the model whose address brought the page here, if one did. */
export async function loadTypedModel(session: Session): Promise<void> {
  const address = document.documentElement.dataset['address']
  if (!address) return
  part('model-address', HTMLInputElement).value = address
  await attempt(part('model-problem', HTMLDivElement), part('model-controls', HTMLFieldSetElement), () => session.load(() => session.loadModel(address)))
}

function connectAddress(slot: HTMLElement): void {
  const input = part('model-address', HTMLInputElement)
  part('model-address-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault()
    const address = input.value.trim()
    if (!/^[\w.-]+\/[\w.-]+$/.test(address) && !URL.canParse(address)) {
      showProblem(slot, new UnusableAddress(address))
      input.focus()
      return
    }
    try {
      sessionStorage.setItem('address', address)
    } catch (error) {
      showProblem(slot, error)
      return
    }
    location.reload()
  })
}

/** What was typed is no address. */
class UnusableAddress extends Error {
  readonly diagnostic

  constructor(found: string) {
    super('this is no address of a model')
    this.diagnostic = {
      code: 'address',
      message: this.message,
      expected: 'a repository such as owner/name, or the address of a zip',
      found,
      hint: 'write it as it stands on the Hub, or with https:// in front',
    }
  }
}

function summaryOf({ info, fresh }: LoadedModel): HTMLElement[] {
  const title = element('p', { className: 'summary-title' }, element('strong', {}, info.modelType), fresh ? ', random weights' : `, ${bytes(info.bytes)}`)
  const facts: [string, string][] = [
    ['Parameters', short(info.parameters)],
    ['Layers', count(info.layers)],
    ['Hidden size', count(info.hiddenSize)],
    ['Vocabulary', count(info.vocabSize)],
    ['Longest input', `${count(info.maxLength)} tokens`],
  ]
  if (info.labels) facts.push(['Labels', info.labels.join(', ')])
  return [title, description(facts)]
}
