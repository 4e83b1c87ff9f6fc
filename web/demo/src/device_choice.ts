/** The choice of the device: what computes, and what else could. */

import { part } from './elements'
import type { Device } from './engine'
import { attempt, diagnosticOf } from './problem'
import type { Session } from './session'

type Kind = Device['kind']

const KINDS: Record<Kind, string> = { cpu: 'CPU', webgpu: 'WebGPU' }

/** Where another device cannot be had, `slot` says why, and the one in use stays. */
export function connectDeviceChoice(session: Session, slot: HTMLElement): void {
  const select = part('device', HTMLSelectElement)
  let opening: Kind | null = null
  let lacksGpu = !('gpu' in navigator)

  const open = async (kind: Kind): Promise<void> => {
    opening = kind
    try {
      await session.load(() => session.start(kind))
    } catch (error) {
      lacksGpu ||= diagnosticOf(error).code === 'no-device'
      throw error
    } finally {
      opening = null
      show()
    }
  }

  const show = (): void => {
    const { device } = session
    select.disabled = !device || session.running || session.loading
    if (!device) return
    for (const option of select.options) {
      const kind = option.value as Kind | 'auto'
      if (kind === 'auto') option.hidden = true
      else option.textContent = KINDS[kind] + said(kind)
    }
    select.value = opening ?? device.kind
    document.documentElement.dataset['device'] = device.kind
  }

  /** What is said of a device beside its kind. */
  const said = (kind: Kind): string => {
    const { device } = session
    if (kind === opening) return ': opening …'
    if (kind === device?.kind) return `: ${device.name}${device.isSoftware ? ', in software' : ''}`
    return kind === 'webgpu' && lacksGpu ? ': none in this browser' : ''
  }

  select.addEventListener('change', () => void attempt(slot, null, () => open(select.value as Kind)))
  session.onChange(show)
}
