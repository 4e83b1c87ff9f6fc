/** A zip of stored files. */

export function zipped(files: Map<string, Uint8Array>): Uint8Array[] {
  const [local, central]: [Uint8Array[], Uint8Array[]] = [[], []]
  let offset = 0
  for (const [name, content] of files) {
    const path = new TextEncoder().encode(name)
    const fields = [20, 0, 0, 0, 0x21, checksum(content), content.length, content.length, path.length, 0]
    const header = record('42222244422', [0x04034b50, ...fields])
    local.push(header, path, content)
    central.push(record('42222224442222244', [0x02014b50, 20, ...fields, 0, 0, 0, 0, offset]), path)
    offset += header.length + path.length + content.length
  }
  const size = central.reduce((sum, part) => sum + part.length, 0)
  return [...local, ...central, record('42222442', [0x06054b50, 0, 0, files.size, files.size, size, offset, 0])]
}

/** The values one after the other, each in as many bytes as its digit of `widths` says. */
function record(widths: string, values: number[]): Uint8Array {
  const sizes = [...widths].map(Number)
  const view = new DataView(new ArrayBuffer(sizes.reduce((sum, size) => sum + size, 0)))
  let at = 0
  for (const [index, size] of sizes.entries()) {
    if (size === 4) view.setUint32(at, values[index] ?? 0, true)
    else view.setUint16(at, values[index] ?? 0, true)
    at += size
  }
  return new Uint8Array(view.buffer)
}

/** CRC-32. */
function checksum(content: Uint8Array): number {
  let crc = ~0
  for (const byte of content) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}
