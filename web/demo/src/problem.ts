/** What went wrong, as the page shows it: the message, the place, what was expected and found, and what to do. */

import { description, element } from './elements'
import type { Diagnostic } from './engine'

/** What to do on this page, where the engine's hint speaks of its other uses. */
const HINTS: Record<string, string> = {
  'no-device': 'train on the CPU, or use a browser with WebGPU whose settings allow graphics acceleration',
  'device-lost': 'the CPU has taken its place: continue under Unfinished trainings where it stands there, else train again',
}

/** The diagnostic in an error of the engine; any other error becomes one. */
export function diagnosticOf(error: unknown): Diagnostic {
  if (error instanceof Error && 'diagnostic' in error) return error.diagnostic as Diagnostic
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'unexpected', message, hint: 'reload the page; if it happens again, report it with this text' }
}

/** Shows `error` in `slot`, with a button that takes it away, and lets screen readers tell it at once. */
export function showProblem(slot: HTMLElement, error: unknown): void {
  const diagnostic = diagnosticOf(error)
  const close = element('button', { className: 'icon-button close', type: 'button', ariaLabel: 'Dismiss this message' }, '×')
  close.addEventListener('click', () => clearProblem(slot))
  const box = element('div', { className: 'problem' }, ...parts(diagnostic), close)
  box.setAttribute('role', 'alert')
  slot.replaceChildren(box)
}

export function clearProblem(slot: HTMLElement): void {
  slot.replaceChildren()
}

/** An item of the list of findings. */
export function finding(diagnostic: Diagnostic): HTMLLIElement {
  const severity = diagnostic.severity ?? 'error'
  const item = element('li', { className: `finding ${severity}` }, ...parts(diagnostic, severity))
  return item
}

/**
 * Runs what a button or a drop asked for: `controls` is disabled meanwhile, and whatever fails is shown in `slot`.
 * True where nothing failed.
 */
export async function attempt(slot: HTMLElement, controls: HTMLElement | null, action: () => Promise<void>): Promise<boolean> {
  clearProblem(slot)
  const panel = slot.closest<HTMLElement>('section')
  panel?.setAttribute('aria-busy', 'true')
  controls?.toggleAttribute('data-busy', true)
  try {
    await action()
    return true
  } catch (error) {
    showProblem(slot, error)
    return false
  } finally {
    panel?.removeAttribute('aria-busy')
    controls?.removeAttribute('data-busy')
  }
}

function parts(diagnostic: Diagnostic, severity?: string): HTMLElement[] {
  const { code, message, file, place, expected, found } = diagnostic
  const hint = HINTS[code] ?? diagnostic.hint
  const where = [file, place].filter(Boolean).join(', ')
  const rows: [string, string][] = []
  if (where) rows.push(['Where', where])
  if (expected) rows.push(['Expected', expected])
  if (found) rows.push(['Found', found])
  if (hint) rows.push(['What to do', sentence(hint)])
  const title = element('p', { className: 'problem-message' }, sentence(message))
  if (severity) title.prepend(element('span', { className: 'severity' }, severity), ' ')
  return [title, description(rows), element('p', { className: 'problem-code' }, element('code', {}, code))]
}

/** A diagnostic in one paragraph. */
export function reason({ message, expected, found, hint }: Diagnostic): string {
  const numbers = [expected && `expected ${expected}`, found && `found ${found}`].filter(Boolean).join(', ')
  return [sentence(message), numbers && sentence(numbers), hint && sentence(hint)].filter(Boolean).join(' ')
}

/** The core writes fragments without capital and full stop; on a page they are sentences. */
export function sentence(text: string): string {
  const closed = /[.!?]$/.test(text) ? text : `${text}.`
  return /^[a-z]+\b(?![_./=])/.test(closed) ? closed.charAt(0).toUpperCase() + closed.slice(1) : closed
}
