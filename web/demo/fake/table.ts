/** Tables as the core reads them: the same formats, the same codes of errors. */

import { refuse } from './problem'

export interface Table {
  name: string
  columns: string[]
  rows: string[][]
}

/** Reads a table by the extension of its name. */
export function readTable(name: string, text: string): Table {
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
  const found = `.${extension}`
  if (!['csv', 'tsv', 'json', 'jsonl'].includes(extension)) {
    refuse('table-format', 'the extension names no known table format', { file: name, expected: '.csv, .tsv, .json or .jsonl', found })
  }
  if (text.trim() === '') refuse('table-empty', 'the file is empty', { file: name })
  const table = extension === 'csv' ? separated(name, text, ',') : extension === 'tsv' ? separated(name, text, '\t') : objects(name, text)
  if (table.rows.length === 0) refuse('table-empty', 'the table has no rows', { file: name })
  return table
}

function separated(name: string, text: string, separator: string): Table {
  const [columns, ...rows] = records(name, text, separator)
  const width = columns?.length ?? 0
  const ragged = rows.findIndex((row) => row.length !== width)
  if (ragged >= 0) {
    refuse('table-ragged-row', 'the row is not as long as the header', {
      file: name,
      place: `line ${ragged + 2}, column 1`,
      expected: `${width} cells`,
      found: `${rows[ragged]?.length} cells`,
      hint: 'put cells that hold a separator in double quotes',
    })
  }
  return { name, columns: columns ?? [], rows }
}

function records(name: string, text: string, separator: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let quoted = false
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at]!
    if (quoted) {
      if (letter !== '"') cell += letter
      else if (text[at + 1] === '"') cell += text[(at += 1)]
      else quoted = false
    } else if (letter === '"' && cell === '') quoted = true
    else if (letter === separator) {
      row.push(cell)
      cell = ''
    } else if (letter === '\n') {
      rows.push([...row, cell.replace(/\r$/, '')])
      row = []
      cell = ''
    } else cell += letter
  }
  if (quoted) refuse('table-unclosed-quote', 'the quoted cell that begins here never ends', { file: name })
  if (cell !== '' || row.length > 0) rows.push([...row, cell])
  return rows
}

function objects(name: string, text: string): Table {
  let values: unknown[]
  try {
    values = text.trimStart().startsWith('[') ? JSON.parse(text) : text.trim().split('\n').map((line) => JSON.parse(line))
  } catch (error) {
    return refuse('table-json', 'the JSON is malformed', { file: name, found: String(error) })
  }
  const rows = values.map((value) => Object(value) as Record<string, unknown>)
  const columns = [...new Set(rows.flatMap(Object.keys))]
  return { name, columns, rows: rows.map((row) => columns.map((column) => String(row[column] ?? ''))) }
}
