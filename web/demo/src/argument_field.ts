/** A field of the form for one argument, by its row in the table of arguments. */

import type { ArgumentInfo, ArgumentValue } from './engine'
import { element } from './elements'
import { diagnosticOf } from './problem'

/** Sets the argument; null is the default. */
export type Apply = (name: string, value: ArgumentValue) => Promise<void>

/** Shows one argument, checks what is typed, and keeps a mistake visible until it is mended. */
export class ArgumentField {
  readonly node: HTMLElement
  readonly control: HTMLInputElement | HTMLSelectElement
  readonly #message: HTMLParagraphElement
  readonly #apply: Apply
  #settled = Promise.resolve()

  constructor(readonly argument: ArgumentInfo, apply: Apply) {
    const { name, help } = argument
    const id = `argument-${name}`
    this.#apply = apply
    this.control = controlOf(argument)
    Object.assign(this.control, { id, name })
    this.control.setAttribute('aria-describedby', `${id}-help ${id}-message`)
    this.#message = element('p', { id: `${id}-message`, className: 'field-message', hidden: true })
    this.node = element(
      'div',
      { className: 'field argument' },
      element('label', { htmlFor: id }, breakable(name)),
      this.control,
      this.#message,
      element('p', { id: `${id}-help`, className: 'hint' }, help),
    )
    this.control.addEventListener('change', () => {
      this.#settled = this.#changed()
    })
  }

  get invalid(): boolean {
    return this.control.ariaInvalid === 'true'
  }

  /** Once the engine has taken or refused what was typed. */
  get settled(): Promise<void> {
    return this.#settled
  }

  /** Whether name or help have every word of `query`. */
  matches(query: string): boolean {
    const text = `${this.argument.name} ${this.argument.name.replaceAll('_', ' ')} ${this.argument.help}`.toLowerCase()
    return query.toLowerCase().split(/\s+/).every((word) => text.includes(word))
  }

  /** Shows the value that is set; undefined shows the default. */
  show(value: ArgumentValue | undefined): void {
    this.node.classList.toggle('changed', value !== undefined && value !== null)
    if (this.invalid || document.activeElement === this.control) return
    this.control.value = String(value ?? '')
  }

  async #changed(): Promise<void> {
    const text = this.control.value.trim()
    const mistake = text === '' ? null : mistakeOf(this.argument, text)
    if (mistake) return this.#tell(mistake)
    try {
      await this.#apply(this.argument.name, valueOf(this.argument, text))
      this.#tell(null)
    } catch (error) {
      const { message, hint } = diagnosticOf(error)
      this.#tell(hint ? `${message}; ${hint}` : message)
    }
  }

  #tell(mistake: string | null): void {
    this.control.ariaInvalid = String(mistake !== null)
    this.#message.textContent = mistake ?? ''
    this.#message.hidden = mistake === null
  }
}

/** A name that may be broken after each of its words. */
function breakable(name: string): HTMLElement {
  const words = name.split(/(?<=_)/)
  return element('code', {}, ...words.flatMap((word, index) => (index === 0 ? [word] : [element('wbr'), word])))
}

function controlOf({ kind, choices, default: value }: ArgumentInfo): HTMLInputElement | HTMLSelectElement {
  const unset = value ?? 'not set'
  const words = kind === 'flag' ? ['true', 'false'] : choices
  if (words) return element('select', {}, new Option(unset, ''), ...words.map((word) => new Option(word, word)))
  const numeric = kind === 'integer' || kind === 'float' || kind === 'steps'
  return element('input', { type: 'text', inputMode: numeric ? 'decimal' : 'text', placeholder: unset, autocomplete: 'off', spellcheck: false })
}

function valueOf({ kind }: ArgumentInfo, text: string): ArgumentValue {
  if (text === '') return null
  if (kind === 'flag') return text === 'true'
  return kind === 'integer' || kind === 'float' || kind === 'steps' ? Number(text) : text
}

function mistakeOf({ kind, min, max }: ArgumentInfo, text: string): string | null {
  if (kind !== 'integer' && kind !== 'float' && kind !== 'steps') return null
  const value = Number(text)
  if (!Number.isFinite(value)) return 'A number is needed.'
  if (kind === 'integer' && !Number.isInteger(value)) return 'A whole number is needed.'
  if (min != null && value < min) return `At least ${min}.`
  if (max != null && value > max) return `At most ${max}.`
  return null
}
