/** The example that comes with the page: a small model without weights, and the movie reviews. */

import type { ArgumentValue } from './engine'
import { part } from './elements'
import { attempt } from './problem'
import type { Session } from './session'

const MODEL_FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json']

/** As in `examples/reviews.yaml`: random weights bear a rate ten times that of fine-tuning. */
const ARGUMENTS: Record<string, ArgumentValue> = {
  max_seq_length: 64,
  pad_to_max_length: false,
  num_train_epochs: 3,
  per_device_train_batch_size: 32,
  per_device_eval_batch_size: 32,
  learning_rate: 5e-4,
  warmup_steps: 0.1,
  weight_decay: 0.01,
  logging_steps: 50,
}

/** Makes the button load model, tables and arguments. */
export function connectExample(session: Session): void {
  const button = part('load-example', HTMLButtonElement)
  button.addEventListener('click', () => {
    const slot = part('page-problem', HTMLDivElement)
    void attempt(slot, button, () => session.load(() => loadExample(session))).then((loaded) => {
      if (loaded) part('train', HTMLButtonElement).focus()
    })
  })
  session.onChange(() => {
    button.disabled = session.running || session.phase === 'starting'
    button.classList.toggle('quiet', session.model !== null)
  })
}

async function loadExample(session: Session): Promise<void> {
  const [train, validation, ...model] = await Promise.all(['train.csv', 'validation.csv', ...MODEL_FILES.map((name) => `model/${name}`)].map(fetched))
  await session.loadModel(model.filter((file) => file !== undefined))
  await session.setArguments(ARGUMENTS)
  if (train) await session.loadTable('train', train, train.name)
  if (validation) await session.loadTable('validation', validation, validation.name)
}

async function fetched(path: string): Promise<File> {
  const response = await fetch(new URL(`reviews/${path}`, document.baseURI))
  if (!response.ok) throw new Error(`The example's ${path} could not be fetched: ${response.status} ${response.statusText}`)
  return new File([await response.blob()], path.slice(path.lastIndexOf('/') + 1))
}
