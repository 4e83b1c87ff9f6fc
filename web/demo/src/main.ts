/** Starts the page: the panels first, then the engine behind them. */

import { connectArgumentsPanel } from './arguments_panel'
import { connectDataPanel } from './data_panel'
import { connectDeviceChoice } from './device_choice'
import { ignoreOtherDrops } from './dropping'
import { part } from './elements'
import { connectExample } from './example'
import { KeptPanel } from './kept_panel'
import { connectModelPanel, loadTypedModel } from './model_panel'
import { attempt, showProblem } from './problem'
import { ResultPanel } from './result_panel'
import { SentencesPanel } from './sentences_panel'
import { Session } from './session'
import { connectTheme } from './theme'
import { TrainingPanel } from './training_panel'

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
new KeptPanel(session, (run) => training.resume(run))
new SentencesPanel(session)
new ResultPanel(session)
connectDeviceChoice(session, pageProblem)
void start()

async function start(): Promise<void> {
  const started = await attempt(pageProblem, null, async () => {
    // Without it the page could connect to any host.
    if (document.documentElement.dataset['policy'] !== 'complete') throw new Error('startup.js, which completes the security policy, was not loaded.')
    await session.start('auto')
  })
  if (started) await loadTypedModel(session)
  else part('training-state', HTMLParagraphElement).textContent = 'The engine did not start.'
}
