import { unzip } from 'fflate';
import { RtrainError } from './types.js';

/** A model as it came: what to call it, and its files by name. */
export interface ModelFiles {
  name: string;
  files: Map<string, Uint8Array>;
}

/** Where the names of Hub repositories lead. */
const HUB = 'https://huggingface.co';

/** What a directory may hold besides its weights. */
const SMALL_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'generation_config.json',
];

/** Reads a model from files, from a zip, or from an address. */
export async function modelFiles(source: File[] | Blob | string): Promise<ModelFiles> {
  if (typeof source === 'string') return fromAddress(source);
  if (Array.isArray(source)) {
    const only = source[0];
    if (only && source.length === 1 && (await isZip(only))) return fromZip(only.name, await bytes(only));
    const named = source.map(async (file) => [file.webkitRelativePath || file.name, await bytes(file)] as const);
    return atTop('model', new Map(await Promise.all(named)));
  }
  const name = source instanceof File ? source.name : 'model';
  if (await isZip(source)) return fromZip(name, await bytes(source));
  throw new RtrainError({
    code: 'model-not-zip',
    severity: 'error',
    message: `${name} is no model`,
    expected: 'a zip of the files of a model, or those files',
    found: `${source.size} bytes that are no zip`,
    hint: 'choose config.json, model.safetensors and the files of the tokenizer, or a zip of them',
  });
}

async function bytes(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}

async function isZip(blob: Blob): Promise<boolean> {
  return startsAsZip(await bytes(blob.slice(0, 4)));
}

function startsAsZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

async function fromZip(name: string, archive: Uint8Array): Promise<ModelFiles> {
  const unpacked = await new Promise<Record<string, Uint8Array>>((resolve, reject) => {
    unzip(archive, (error, files) => (error ? reject(error) : resolve(files)));
  }).catch((error: unknown) => {
    throw new RtrainError({
      code: 'zip-malformed',
      severity: 'error',
      message: `the zip cannot be unpacked: ${String(error)}`,
      file: name,
    });
  });
  const files = Object.entries(unpacked).filter(([path]) => !path.endsWith('/') && !path.startsWith('__MACOSX/'));
  return atTop(name.replace(/\.zip$/i, ''), new Map(files));
}

/** The files beside the topmost config.json, without the folders above it; all of them where there is none. */
function atTop(name: string, files: Map<string, Uint8Array>): ModelFiles {
  const configs = [...files.keys()].filter((path) => path === 'config.json' || path.endsWith('/config.json'));
  const config = configs.sort((left, right) => left.length - right.length)[0];
  if (config === undefined) return { name, files };
  const folder = config.slice(0, -'config.json'.length);
  const inside = [...files].filter(([path]) => path.startsWith(folder) && !path.slice(folder.length).includes('/'));
  const top = folder.split('/').at(-2);
  return { name: top ?? name, files: new Map(inside.map(([path, content]) => [path.slice(folder.length), content])) };
}

async function fromAddress(address: string): Promise<ModelFiles> {
  const isRepository = /^[\w.-]+\/[\w.-]+$/.test(address) && !/\.zip$/i.test(address);
  const url = isRepository ? `${HUB}/${address}/resolve/main/` : new URL(address, self.location.href).href;
  const name = address.replace(/\/+$/, '').split('/').at(-1) ?? 'model';
  if (/\.zip($|[?#])/i.test(url)) return fromZip(name, await required(url));
  const directory = url.endsWith('/') ? url : `${url}/`;
  const files = new Map([['config.json', await required(`${directory}config.json`)]]);
  for (const small of SMALL_FILES) {
    const content = await optional(directory + small);
    if (content) files.set(small, content);
  }
  const weights = await optional(`${directory}model.safetensors`);
  if (weights) files.set('model.safetensors', weights);
  else await addShards(directory, files);
  return { name, files };
}

async function addShards(directory: string, files: Map<string, Uint8Array>): Promise<void> {
  const index = await optional(`${directory}model.safetensors.index.json`);
  if (!index) return;
  files.set('model.safetensors.index.json', index);
  const { weight_map: map } = JSON.parse(new TextDecoder().decode(index)) as { weight_map?: Record<string, string> };
  for (const shard of new Set(Object.values(map ?? {}))) files.set(shard, await required(directory + shard));
}

async function required(url: string): Promise<Uint8Array> {
  const content = await optional(url);
  if (content) return content;
  throw new RtrainError({
    code: 'download',
    severity: 'error',
    message: 'there is no such file',
    file: url,
    hint: 'check the address; it is that of a zip, of a directory, or the name of a Hub repository',
  });
}

/** The bytes at an address; nothing where the server says that there are none. */
async function optional(url: string): Promise<Uint8Array | undefined> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: 'omit' });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new RtrainError({
      code: 'download',
      severity: 'error',
      message: `the download failed: ${String(error)}`,
      file: url,
      hint: 'check the connection; the server must allow downloads by other pages, and this page must allow the connection',
    });
  }
  if (response.status === 404) return undefined;
  throw new RtrainError({
    code: 'download',
    severity: 'error',
    message: 'the server refused the download',
    file: url,
    found: `status ${response.status}`,
  });
}
