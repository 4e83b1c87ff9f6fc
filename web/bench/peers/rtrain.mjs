// This package. It reads the texts and the model's files itself, and trains in its worker; between rounds it is paused.

const MODEL = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

export async function start(files, device, { learningRate, rows, longest }) {
  const { Trainer } = await import('/pkg/index.js');
  const trainer = await Trainer.create({ device });
  const { parameters } = await trainer.loadModel(MODEL.map((name) => new File([files.get(name)], name)));
  await trainer.loadTable('train', files.get('rows.jsonl'), 'rows.jsonl');
  await trainer.setArguments({
    max_seq_length: longest,
    pad_to_max_length: false,
    per_device_train_batch_size: rows,
    train_sampling_strategy: 'sequential',
    max_steps: 1_000_000,
    learning_rate: learningRate,
    lr_scheduler_type: 'constant',
    weight_decay: 0,
    max_grad_norm: 0,
    logging_strategy: 'no',
    eval_strategy: 'no',
    save_strategy: 'no',
  });
  return { parameters, run: (steps, limitMs) => run(trainer, steps, limitMs) };
}

let isTraining = false;
let round;

/** The time of a step is that between two events; of the first, from the event that training goes on. */
function run(trainer, steps, limitMs) {
  return new Promise((resolve, reject) => {
    round = { trainer, steps, limitMs, losses: [], ms: [], began: performance.now(), last: performance.now(), resolve };
    const going = isTraining ? trainer.resume() : trainer.train(hear);
    isTraining = true;
    going.catch(reject);
  });
}

function hear(event) {
  const now = performance.now();
  if (event.type === 'resumed') round.began = round.last = now;
  if (event.type === 'paused') round.resolve({ losses: round.losses, ms: round.ms });
  if (event.type !== 'step') return;
  round.losses.push(event.loss);
  round.ms.push(now - round.last);
  round.last = now;
  if (round.losses.length === round.steps || now - round.began > round.limitMs) round.trainer.pause();
}
