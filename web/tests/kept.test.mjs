// A training outlives its tab: kept in the browser's storage, it goes on to the bytes of one that was left alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ARGUMENTS, STEPS, openBrowser } from './kept.mjs';

const KILLS = 20;

let browser;
/** The files of a training that nothing has disturbed, and nothing was kept of. */
let undisturbed;
before(async () => {
  browser = await openBrowser();
  const page = await browser.tab();
  undisturbed = await page.evaluate(async (values) => {
    const trainer = await smallTrainer(false, values);
    await trainer.train(() => {});
    return digest(trainer);
  }, ARGUMENTS);
  await page.close();
  assert.ok(undisturbed['model.safetensors'] && undisturbed['checkpoint-60/optimizer.pt'], Object.keys(undisturbed).join(' '));
});
after(() => browser?.close());

/** Begins a training in a tab, and returns once so many steps are kept; the training goes on. */
function begin(page, { recovery = { everySteps: 1 }, keptSteps = 1, pauses = false, values = ARGUMENTS } = {}) {
  return page.evaluate(
    async ({ recovery, keptSteps, pauses, values }) => {
      window.trainer = await smallTrainer(recovery, values);
      window.events = [];
      await new Promise((resolve, reject) => {
        window.training = trainer.train((event) => {
          events.push(event);
          if (event.type === 'unkept') reject(new Error(JSON.stringify(event.diagnostic)));
          if (event.type !== 'kept' || event.step < keptSteps) return;
          if (pauses) trainer.pause();
          [pauses, keptSteps] = [false, Infinity];
          resolve();
        });
        window.training.catch(reject);
      });
      return (await trainer.runs())[0];
    },
    { recovery, keptSteps, pauses, values },
  );
}

/** Goes on with the newest kept training to its end, and saves its result unless it is told not to. */
function goOn(page, { recovery = {}, isSaved = true } = {}) {
  return page.evaluate(
    async ({ recovery, isSaved }) => {
      const trainer = await Trainer.create({ device: 'cpu', recovery });
      const [run] = await trainer.runs();
      const events = [];
      const result = await trainer.resumeRun(run, (event) => events.push(event));
      const files = await digest(trainer);
      const [ended] = await trainer.runs();
      if (isSaved) await new Response(await trainer.zip()).arrayBuffer();
      const left = (await trainer.runs()).map(({ id }) => id);
      trainer.dispose();
      return { run, events, result, files, ended, left };
    },
    { recovery, isSaved },
  );
}

test('after a reload a training goes on where it was, with nothing chosen again', async () => {
  const page = await browser.tab();
  await begin(page, { recovery: { everySteps: 7 }, keptSteps: 24 });
  await page.reload();
  await page.waitForFunction(() => window.ready);
  await page.addScriptTag({ url: '/kept.js' });
  const { run, events, result, files, ended, left } = await goOn(page, { recovery: { everySteps: 7 } });
  assert.ok(run.step >= 24 && run.step < STEPS && run.total === STEPS, JSON.stringify(run));
  assert.deepEqual([run.model, run.table, run.finished, run.running], ['model', 'train.csv', false, false]);
  assert.ok(Date.now() - run.when.getTime() < 60_000 && run.bytes > 100_000);
  const [opened] = events;
  assert.equal(opened.type, 'opened');
  assert.deepEqual([opened.model.modelType, opened.tables.train.rows, opened.arguments], ['bert', 37, ARGUMENTS]);
  assert.equal(events.find(({ type }) => type === 'step').step, run.step + 1);
  assert.equal(result.stopped, false);
  assert.deepEqual(files, undisturbed);
  assert.deepEqual([ended.id, ended.finished, ended.step], [run.id, true, STEPS]);
  assert.deepEqual(left, []);
  await page.close();
});

test(`a tab that is killed ${KILLS} times loses nothing`, { timeout: 600_000 }, async (t) => {
  const began = performance.now();
  const steps = [];
  let ends = 0;
  while (steps.length < KILLS || ends === 0) {
    const isWhole = steps.length % 5 === 4;
    const page = await browser.tab();
    const kill = await browser.executioner(isWhole);
    let strike;
    const struck = new Promise((resolve) => (strike = resolve));
    await page.exposeFunction('strike', (from) => strike(from));
    const training = page.evaluate(trainToTheEnd, { values: ARGUMENTS, isSpared: steps.length === KILLS });
    const ended = training.then((files) => ({ files }), (error) => ({ error }));
    const outcome = await Promise.race([ended, struck.then((from) => ({ from }))]);
    if (outcome.files) {
      assert.deepEqual(outcome.files, undisturbed);
      ends += 1;
      await page.close();
      continue;
    }
    assert.ifError(outcome.error);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
    await kill();
    steps.push(outcome.from);
  }
  assert.ok(new Set(steps).size > 5, `kills at few places: ${steps}`);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  t.diagnostic(`${KILLS} kills in ${seconds} s, ${ends} trainings ended; they went on from steps ${steps.join(', ')}`);
});

/** In the page: goes on with a kept training, or begins one, and asks for its end at some step; the files. */
async function trainToTheEnd({ values, isSpared }) {
  const recovery = { everySteps: 3 };
  let trainer = await Trainer.create({ device: 'cpu', recovery });
  const [run] = await trainer.runs();
  const from = run?.step ?? 0;
  const last = isSpared ? Infinity : from + 1 + Math.floor(Math.random() * 25);
  const listener = (event) => event.type === 'step' && event.step === last && strike(from);
  if (run) {
    await trainer.resumeRun(run, listener);
  } else {
    trainer.dispose();
    trainer = await smallTrainer(recovery, values);
    await trainer.train(listener);
  }
  const files = await digest(trainer);
  await new Response(await trainer.zip()).arrayBuffer();
  trainer.dispose();
  return files;
}

/** A tab with a training that ended after some steps, and `snapshot` of what was kept of it. */
let damaged;
test('a training is kept in two slots', async () => {
  damaged = await browser.tab();
  const run = await begin(damaged, { keptSteps: 15, pauses: true });
  const names = await damaged.evaluate(async (id) => {
    trainer.dispose();
    window.folder = await folderOf(id);
    window.snapshot = await contents(folder);
    return [...snapshot.keys()].sort();
  }, run.id);
  assert.equal(names.filter((name) => /^slot-[01]$/.test(name)).length, 2);
  // One checkpoint of the training itself, and the two newest recoveries.
  assert.equal(names.filter((name) => /^\d+\.checkpoint-\d+$/.test(name)).length, 3, names.join(' '));
});

const PASSED_OVER = /the newest checkpoint that was kept, of step \d+, is damaged and was passed over/;
for (const [name, damage, expected] of [
  ['a record that was cut off', { file: 'newest slot', cut: 40 }, { from: 'other', told: /^$/ }],
  ['a record with another byte', { file: 'newest slot', flip: 30 }, { from: 'other', told: /^$/ }],
  ['a checkpoint that was cut off', { file: 'newest pack', cut: 5000 }, { from: 'other', told: PASSED_OVER }],
  ['a checkpoint with another byte', { file: 'newest pack', flip: 5000 }, { from: 'other', told: PASSED_OVER }],
  ['no record at all', { file: 'slots', cut: 0 }, { from: 'the begin', told: /^$/ }],
]) {
  test(`${name} is passed over`, async () => {
    const kept = await damaged.evaluate(async (damage) => {
      const files = new Map(snapshot);
      const states = ['slot-0', 'slot-1'].map((slot) => ({ slot, ...JSON.parse(new TextDecoder().decode(files.get(slot)).split('\n')[0]) }));
      const [newest, other] = states.sort((left, right) => right.sequence - left.sequence);
      const targets = { 'newest slot': [newest.slot], 'newest pack': [newest.checkpoints.at(-1).file], slots: ['slot-0', 'slot-1'] }[damage.file];
      for (const target of targets) {
        const bytes = files.get(target).slice(0, damage.cut);
        if (damage.flip) bytes[damage.flip] ^= 1;
        files.set(target, bytes);
      }
      await overwrite(folder, files);
      return { newest: newest.step, other: other.step };
    }, damage);
    assert.ok(kept.other < kept.newest);
    const { events, files } = await goOn(damaged, { isSaved: false });
    assert.equal(events.find(({ type }) => type === 'step').step, expected.from === 'other' ? kept.other + 1 : 1);
    const notices = events.filter(({ type, text }) => type === 'notice' && /damaged/.test(text)).map(({ text }) => text);
    assert.match(notices.join(), expected.told);
    assert.deepEqual(files, undisturbed);
  });
}

test('a second tab does not touch a training that runs', async () => {
  await damaged.evaluate(async () => {
    const trainer = await Trainer.create();
    for (const run of await trainer.runs()) await trainer.discardRun(run);
    trainer.dispose();
  });
  await damaged.close();
  const [first, second] = [await browser.tab(), await browser.tab()];
  const run = await begin(first, { keptSteps: 5, pauses: true });
  const seen = await second.evaluate(async (id) => {
    const trainer = await Trainer.create();
    const running = (await trainer.runs()).find((run) => run.id === id).running;
    const refused = await diagnostic(trainer.resumeRun(id, () => {}));
    const kept = await diagnostic(trainer.discardRun(id));
    trainer.dispose();
    return { running, refused, kept };
  }, run.id);
  assert.equal(seen.running, true);
  assert.deepEqual([seen.refused.code, seen.kept.code], ['run-locked', 'run-locked']);
  assert.match(seen.refused.message, /another tab/);
  const files = await first.evaluate(async () => {
    await trainer.resume();
    await training;
    return digest(trainer);
  });
  assert.deepEqual(files, undisturbed);
  const gone = await second.evaluate(async (id) => {
    const trainer = await Trainer.create();
    await trainer.discardRun(id);
    const unknown = await diagnostic(trainer.resumeRun(id, () => {}));
    const runs = await trainer.runs();
    let store = await (await navigator.storage.getDirectory()).getDirectoryHandle('rtrain');
    store = await store.getDirectoryHandle('inputs');
    const inputs = [];
    for await (const name of store.keys()) inputs.push(name);
    return { unknown, runs, inputs };
  }, run.id);
  assert.deepEqual([gone.unknown.code, gone.runs, gone.inputs], ['run-unknown', [], []]);
  await first.close();
  await second.close();
});

test('where there is no room the training goes on and says so', async () => {
  const page = await browser.tab();
  await begin(page, { keptSteps: 12, pauses: true });
  await browser.limit(page, 300_000);
  const run = await page.evaluate(async () => {
    await trainer.resume();
    const result = await training;
    const [kept] = await trainer.runs();
    return { events, result, kept, files: await digest(trainer), estimate: await navigator.storage.estimate() };
  });
  const told = run.events.filter(({ type }) => type === 'unkept');
  assert.equal(told.length, 1);
  assert.equal(told[0].diagnostic.code, 'storage-full');
  assert.match(told[0].diagnostic.expected, /^\d{5,} bytes free$/);
  assert.match(told[0].diagnostic.found, /^(\d+ bytes free of the 300000 |fewer)/);
  assert.equal(run.events.findLast(({ type }) => type === 'step').step, STEPS);
  assert.deepEqual(run.files, undisturbed);
  // What was kept before holds.
  await page.reload();
  await browser.limit(page);
  await page.waitForFunction(() => window.ready);
  await page.addScriptTag({ url: '/kept.js' });
  const again = await goOn(page);
  assert.ok(again.run.step >= 12 && again.run.step < STEPS && !again.run.finished, JSON.stringify(again.run));
  assert.deepEqual(again.files, undisturbed);

  await browser.limit(page, 1000);
  const without = await page.evaluate(async (values) => {
    const trainer = await smallTrainer({}, { ...values, max_steps: 2, eval_strategy: null, load_best_model_at_end: null });
    const events = [];
    const result = await trainer.train((event) => events.push(event));
    const runs = await trainer.runs();
    trainer.dispose();
    return { events, result, runs };
  }, ARGUMENTS);
  assert.equal(without.events.find(({ type }) => type === 'unkept').diagnostic.code, 'storage-full');
  assert.deepEqual([without.result.stopped, without.runs], [false, []]);
  await browser.limit(page);
  await page.close();
});

test('a page without storage trains and says that nothing is kept', async () => {
  const page = await browser.tab(browser.address.replace('127.0.0.1', 'insecure.test'));
  const run = await page.evaluate(async () => {
    const trainer = await Trainer.create({ device: 'cpu' });
    await trainer.loadModel('/semantics/model/');
    await trainer.loadTable('train', await file('/semantics/train.csv'), 'train.csv');
    await trainer.setArguments({ max_steps: 2, ignore_mismatched_sizes: true });
    const events = [];
    await trainer.train((event) => events.push(event));
    const runs = await trainer.runs();
    return { isSecureContext, events, runs };
  });
  const [told, ...more] = run.events.filter(({ type }) => type === 'unkept');
  assert.deepEqual([run.isSecureContext, told.diagnostic.code, more.length, run.runs], [false, 'storage-unavailable', 0, []]);
  assert.match(told.diagnostic.hint, /https/);
  await page.close();
});

test('old trainings go', async () => {
  const page = await browser.tab();
  const runs = await page.evaluate(async (values) => {
    const trainer = await smallTrainer({ everySteps: 1 }, { ...values, max_steps: 2, eval_strategy: null, load_best_model_at_end: null });
    for (let count = 0; count < 7; count += 1) await trainer.train(() => {});
    const runs = await trainer.runs();
    trainer.dispose();
    return runs;
  }, ARGUMENTS);
  assert.equal(runs.length, 5);
  assert.ok(runs.every(({ finished, step }) => finished && step === 2));
  await page.close();
});
