/** Files that the user drops or picks; folders are read to their depth. */

/** Where files can be dropped: `receive` gets them all, those of folders among them. */
export function acceptDrops(zone: HTMLElement, receive: (files: File[]) => void): void {
  let depth = 0
  const mark = (change: number): void => {
    depth = Math.max(0, depth + change)
    zone.classList.toggle('over', depth > 0)
  }
  zone.addEventListener('dragenter', () => mark(1))
  zone.addEventListener('dragleave', () => mark(-1))
  zone.addEventListener('dragover', (event) => event.preventDefault())
  zone.addEventListener('drop', (event) => {
    event.preventDefault()
    mark(-depth)
    if (event.dataTransfer && !zone.closest('fieldset')?.disabled) void dropped(event.dataTransfer).then(receive)
  })
}

/** A file dropped beside a zone does not replace the page. */
export function ignoreOtherDrops(): void {
  for (const name of ['dragover', 'drop']) addEventListener(name, (event) => event.preventDefault())
}

/** Makes `button` open the system's dialog. */
export function acceptPicks(button: HTMLButtonElement, kind: { folder?: boolean; accept?: string; multiple?: boolean }, receive: (files: File[]) => void): void {
  const input = document.createElement('input')
  input.type = 'file'
  input.hidden = true
  input.webkitdirectory = kind.folder ?? false
  input.multiple = kind.multiple ?? false
  input.accept = kind.accept ?? ''
  input.dataset['for'] = button.id
  button.after(input)
  button.addEventListener('click', () => input.click())
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])]
    // The same file can be picked again after a mistake in it was mended.
    input.value = ''
    if (files.length > 0) receive(files)
  })
}

async function dropped(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  if (entries.length === 0) return [...transfer.files]
  return (await Promise.all(entries.map(filesOf))).flat()
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))]
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const files: File[] = []
  // A reader gives the entries in portions, and an empty one at the end.
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (portion.length === 0) return files
    files.push(...(await Promise.all(portion.map(filesOf))).flat())
  }
}
