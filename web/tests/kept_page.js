// What the tests of kept trainings do in the page.

/** A trainer with the very small model. */
window.smallTrainer = async (recovery, values) => {
  const trainer = await Trainer.create({ device: 'cpu', recovery });
  const names = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
  await trainer.loadModel(await Promise.all(names.map((name) => file(`/semantics/model/${name}`))));
  await trainer.loadTable('train', await file('/semantics/train.csv'), 'train.csv');
  await trainer.loadTable('validation', await file('/semantics/validation.csv'), 'validation.csv');
  await trainer.setArguments(values);
  return trainer;
};

/** The files of a trainer, each as its checksum, or its text without times. */
window.digest = async (trainer) => {
  const files = await trainer.files();
  const digest = {};
  for (const [name, bytes] of files) {
    if (name.startsWith('.rtrain/')) {
      digest[name] = JSON.stringify(JSON.parse(new TextDecoder().decode(bytes)).checkpoints[0].progress);
    } else if (/(state|results)\.json$/.test(name)) {
      digest[name] = new TextDecoder().decode(bytes).replace(/"\w+_(runtime|per_second)": [\d.e+-]+/g, '');
    } else {
      const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      digest[name] = [...sum].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    }
  }
  return digest;
};

/** The folder of a kept training. */
window.folderOf = async (id) => {
  let folder = await navigator.storage.getDirectory();
  for (const name of ['rtrain', 'runs', id]) folder = await folder.getDirectoryHandle(name);
  return folder;
};

window.contents = async (folder) => {
  const contents = new Map();
  for await (const [name, handle] of folder.entries()) contents.set(name, new Uint8Array(await (await handle.getFile()).arrayBuffer()));
  return contents;
};

window.overwrite = async (folder, contents) => {
  for (const name of (await window.contents(folder)).keys()) await folder.removeEntry(name);
  for (const [name, bytes] of contents) {
    const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
    await stream.write(bytes);
    await stream.close();
  }
};
