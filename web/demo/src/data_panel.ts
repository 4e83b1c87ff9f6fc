/** The panel where tables are chosen, and their columns corrected. */

import { acceptDrops, acceptPicks } from './dropping'
import { element, part } from './elements'
import type { Role, TableInfo } from './engine'
import { attempt, clearProblem } from './problem'
import { count } from './quantities'
import type { LoadedTable, Session } from './session'

const TABLES = '.csv,.tsv,.json,.jsonl'
const LABELS_SHOWN = 12

/** Checkpoints would take the memory of the page; what a closed tab goes on from is kept without them. */
const TRAINING = { save_strategy: 'no' }

/** Some ten points of accuracy on the chart. */
const EVALUATING = { eval_strategy: 'steps', eval_steps: 0.1 }

export function connectDataPanel(session: Session): void {
  const slot = part('data-problem', HTMLDivElement)
  const controls = part('data-controls', HTMLFieldSetElement)
  const load = (role: Role, file: File): Promise<boolean> => attempt(slot, controls, () => session.load(() => session.loadTable(role, file, file.name)))

  acceptDrops(part('data-drop', HTMLDivElement), (files) => void loadDropped(files, load))
  for (const role of ['train', 'validation'] as const) {
    acceptPicks(part(`${role}-file`, HTMLButtonElement), { accept: TABLES }, ([file]) => file && void load(role, file))
  }

  const summary = part('data-summary', HTMLDivElement)
  let shown: (LoadedTable | undefined)[] = []
  session.onChange(() => {
    controls.disabled = session.running || session.phase === 'starting'
    for (const control of summary.querySelectorAll('select')) control.disabled = controls.disabled
    const { train, validation } = session.tables
    if (shown[0] === train && shown[1] === validation) return
    clearProblem(slot)
    const wanted = Object.entries({ ...(train && !shown[0] ? TRAINING : {}), ...(validation && !shown[1] ? EVALUATING : {}) })
    const unset = wanted.filter(([name]) => !(name in session.values))
    shown = [train, validation]
    if (unset.length > 0) void attempt(slot, controls, () => session.setArguments(Object.fromEntries(unset)))
    const focused = document.activeElement?.id
    summary.replaceChildren(...summaryOf(session, slot, controls))
    if (focused?.startsWith('column-')) document.getElementById(focused)?.focus()
  })
}

/** Of several files those are for validation that are called so; of the others the first is to train on. */
async function loadDropped(files: File[], load: (role: Role, file: File) => Promise<boolean>): Promise<void> {
  const validation = files.find((file) => files.length > 1 && /valid|dev|test|eval/i.test(file.name))
  const train = files.find((file) => file !== validation)
  if (train && !(await load('train', train))) return
  if (validation) await load('validation', validation)
}

function summaryOf(session: Session, slot: HTMLElement, controls: HTMLElement): HTMLElement[] {
  const { train, validation } = session.tables
  const shown: HTMLElement[] = []
  if (train) {
    shown.push(title('Training', train.info), columns(session, train.info, slot, controls), labels(train.info), preview(train.info))
  }
  if (validation) shown.push(title('Validation', validation.info))
  return shown
}

function title(role: string, info: TableInfo): HTMLElement {
  return element('p', { className: 'summary-title' }, `${role}: `, element('strong', {}, info.name), `, ${count(info.rows)} rows`)
}

/** Which columns hold the text, a second text, and the labels; guessed by the engine, and here to be corrected. */
function columns(session: Session, info: TableInfo, slot: HTMLElement, controls: HTMLElement): HTMLElement {
  const options = (chosen: string | null | undefined, none?: string): HTMLOptionElement[] => {
    const given = info.columns.map((name) => new Option(name, name, false, name === chosen))
    return none === undefined ? given : [new Option(none, '', false, !chosen), ...given]
  }
  const text = element('select', { id: 'column-text' }, ...options(info.textColumns[0]))
  const second = element('select', { id: 'column-second' }, ...options(info.textColumns[1], 'none'))
  const label = element('select', { id: 'column-label' }, ...options(info.labelColumn, info.labelColumn ? undefined : 'choose one'))
  const choose = (): void => {
    const texts = [text.value, second.value].filter((name) => name !== '')
    void attempt(slot, controls, () => session.load(() => session.chooseColumns([...new Set(texts)], label.value)))
  }
  const fields = ([['Text', text], ['Second text', second], ['Label', label]] as const).map(([name, select]) => {
    select.addEventListener('change', choose)
    return element('div', { className: 'field' }, element('label', { htmlFor: select.id }, name), select)
  })
  return element('div', { className: 'fields three' }, ...fields)
}

/** Each label with its count, and a bar for its share. */
function labels(info: TableInfo): HTMLElement {
  if (info.labels.length === 0) {
    return element('p', { className: 'hint' }, info.labelColumn ? 'This column holds no classes.' : 'Choose the column of the labels.')
  }
  const most = Math.max(1, ...info.labels.map((label) => label.count))
  const items = info.labels.slice(0, LABELS_SHOWN).map((label) => {
    const bar = element('span', { className: 'share' })
    bar.style.inlineSize = `${(label.count / most) * 100}%`
    bar.ariaHidden = 'true'
    return element('li', {}, element('span', { className: 'label-name' }, label.name), element('span', { className: 'label-count' }, count(label.count)), bar)
  })
  if (info.labels.length > LABELS_SHOWN) items.push(element('li', {}, `and ${count(info.labels.length - LABELS_SHOWN)} more`))
  return element('ul', { className: 'labels', ariaLabel: 'Labels' }, ...items)
}

function preview(info: TableInfo): HTMLElement {
  const head = element('tr', {}, ...info.columns.map((name) => element('th', { scope: 'col' }, name)))
  const rows = info.preview.slice(0, 3).map((row) => element('tr', {}, ...row.map((cell) => element('td', {}, cell))))
  const table = element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows))
  const box = element('div', { className: 'scroll', tabIndex: 0, ariaLabel: 'First rows of the table' }, table)
  box.setAttribute('role', 'region')
  return element('details', {}, element('summary', {}, 'First rows'), box)
}
