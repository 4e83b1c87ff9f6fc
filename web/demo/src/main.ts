/** Starts the page: the panels first, then the engine behind them. */

import { connectArgumentsPanel } from './arguments_panel'
import { connectDataPanel } from './data_panel'
import { ignoreOtherDrops } from './dropping'
import { part } from './elements'
import type { Device, DeviceChoice } from './engine'
import { connectExample } from './example'
import { KeptPanel } from './kept_panel'
import { connectModelPanel, loadTypedModel } from './model_panel'
import { attempt, showProblem } from './problem'
import { ResultPanel } from './result_panel'
import { SentencesPanel } from './sentences_panel'
import { Session } from './session'
import { connectTheme } from './theme'
import { TrainingPanel } from './training_panel'

const KINDS: Record<Device['kind'], string> = { cpu: 'CPU', webgpu: 'WebGPU' }

const pageProblem = part('page-problem', HTMLDivElement)
addEventListener('error', (event) => showProblem(pageProblem, event.error ?? event.message))
addEventListener('unhandledrejection', (event) => showProblem(pageProblem, event.reason))

connectTheme(part('theme', HTMLButtonElement))
ignoreOtherDrops()

const session = new Session()
connectExample(session)
connectModelPanel(session)
connectDataPanel(session)
const training = new TrainingPanel(session, connectArgumentsPanel(session))
const kept = new KeptPanel(session, (run) => training.resume(run))
new SentencesPanel(session)
new ResultPanel(session)
connectDevice()
void start()

async function start(): Promise<void> {
  const started = await attempt(pageProblem, null, async () => {
    // Without it the page could connect to any host.
    if (document.documentElement.dataset['policy'] !== 'complete') throw new Error('startup.js, which completes the security policy, was not loaded.')
    await session.start('auto')
  })
  if (started) await Promise.all([kept.show(), loadTypedModel(session)])
  else part('training-state', HTMLParagraphElement).textContent = 'The engine did not start.'
}

/** The choice of the device; where another one cannot be had, the one in use stays. */
function connectDevice(): void {
  const select = part('device', HTMLSelectElement)
  select.addEventListener('change', () => {
    const choice = select.value as DeviceChoice
    void attempt(pageProblem, null, () => session.load(() => session.start(choice)))
  })
  session.onChange(() => showDevice(select))
}

function showDevice(select: HTMLSelectElement): void {
  const { device } = session
  select.disabled = !device || session.running || session.loading
  if (!device) return
  for (const option of select.options) {
    if (option.value === 'auto') option.hidden = true
    else option.textContent = KINDS[option.value as Device['kind']] + (option.value === device.kind ? `: ${device.name}` : '')
  }
  select.value = device.kind
  document.documentElement.dataset['device'] = device.kind
}
