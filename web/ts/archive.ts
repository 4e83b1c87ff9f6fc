import { Zip, ZipPassThrough } from 'fflate';

/** Bytes of a file that are packed at once. */
const PIECE_BYTES = 1 << 20;

/** The earliest time that a zip can name: the same files make the same archive. */
const TIME = '1980-01-01 00:00:00';

/** An archive of files, uncompressed, piece by piece: weights do not become smaller. */
export function* archive(files: [string, Uint8Array][]): Generator<Uint8Array> {
  let packed: Uint8Array[] = [];
  const zip = new Zip((error, piece) => {
    if (error) throw error;
    packed.push(piece);
  });
  function* take(): Generator<Uint8Array> {
    yield* packed;
    packed = [];
  }
  for (const [name, content] of files) {
    const entry = new ZipPassThrough(name);
    entry.mtime = TIME;
    zip.add(entry);
    for (let start = 0; ; start += PIECE_BYTES) {
      const end = start + PIECE_BYTES;
      entry.push(content.slice(start, end), end >= content.length);
      yield* take();
      if (end >= content.length) break;
    }
  }
  zip.end();
  yield* take();
}
