/** The panel of arguments: the common ones up front, all others by group, with search. */

import { ArgumentField } from './argument_field'
import { element, part } from './elements'
import type { ArgumentInfo } from './engine'
import type { Session } from './session'

const COMMON = ['num_train_epochs', 'learning_rate', 'per_device_train_batch_size', 'max_seq_length', 'lr_scheduler_type', 'seed']

/** Set by other panels, or of no use in a page. */
const ELSEWHERE = new Set([
  'config_name', 'disable_tqdm', 'do_train', 'enable_jit_checkpoint', 'label_column_name', 'model_name_or_path', 'output_dir', 'report_to',
  'test_file', 'text_column_names', 'tokenizer_name', 'train_file', 'validation_file',
])

/** The first field whose value is a mistake, if any. */
export type FirstMistake = () => Promise<HTMLElement | null>

export function connectArgumentsPanel(session: Session): FirstMistake {
  const controls = part('arguments-controls', HTMLFieldSetElement)
  let fields: ArgumentField[] = []
  session.onChange(() => {
    controls.disabled = session.running || session.phase === 'starting'
    if (fields.length === 0 && session.argumentTable.length > 0) fields = build(session)
    for (const field of fields) field.show(session.values[field.argument.name])
  })
  return async () => {
    await Promise.all(fields.map(({ settled }) => settled))
    const field = fields.find((field) => field.invalid)
    if (!field) return null
    for (let details = field.node.closest('details'); details; details = details.parentElement?.closest('details') ?? null) details.open = true
    return field.control
  }
}

function build(session: Session): ArgumentField[] {
  const apply = (name: string, value: string | number | boolean | null): Promise<void> => session.setArguments({ [name]: value })
  const field = (argument: ArgumentInfo): ArgumentField => new ArgumentField(argument, apply)
  const common = COMMON.flatMap((name) => session.argumentTable.filter((argument) => argument.name === name)).map(field)
  part('common-arguments', HTMLDivElement).replaceChildren(...common.map(({ node }) => node))

  const others = session.argumentTable.filter(({ name }) => !COMMON.includes(name) && !ELSEWHERE.has(name)).map(field)
  const groups = [...Map.groupBy(others, ({ argument }) => argument.group)].map(([title, fields]) => {
    const grid = element('div', { className: 'fields' }, ...fields.map(({ node }) => node))
    const details = element('details', {}, element('summary', {}, title), grid)
    return { details, fields }
  })
  part('argument-groups', HTMLDivElement).replaceChildren(...groups.map(({ details }) => details))
  connectSearch(groups)
  return [...common, ...others]
}

function connectSearch(groups: { details: HTMLDetailsElement; fields: ArgumentField[] }[]): void {
  const input = part('argument-search', HTMLInputElement)
  const status = part('argument-matches', HTMLParagraphElement)
  input.addEventListener('input', () => {
    const query = input.value.trim()
    let matches = 0
    for (const { details, fields } of groups) {
      for (const field of fields) field.node.hidden = !field.matches(query)
      const shown = fields.filter(({ node }) => !node.hidden).length
      details.hidden = shown === 0
      details.open = query !== '' && shown > 0
      matches += shown
    }
    status.textContent = query === '' ? '' : `${matches} ${matches === 1 ? 'argument' : 'arguments'}`
  })
}
