import { h } from 'preact'
import { useState } from 'preact/hooks'
import { curlCommand } from '../commands.ts'
import { html } from '../markup.ts'
import { uploadFiles } from '../uploads.ts'
import { SameAs } from './same-as.ts'

/** Returns the files that a user has chosen in a field, and empties it, so that the same file can be chosen again. */
export function chosenFiles({ currentTarget: field }: Event): File[] {
  if (!(field instanceof HTMLInputElement)) return []
  const files = [...(field.files ?? [])]
  field.value = ''
  return files
}

// A file that misses the place must not replace the page.
for (const event of ['dragover', 'drop']) addEventListener(event, each => each.preventDefault())

/**
 * A place for files: the user drops them there, or chooses them in a dialog.
 * @param what the files, such as `models` @param example the name of such a file @param path the address of the API that takes it
 */
export function UploadArea({
  what,
  accept,
  example,
  path,
}: {
  what: string
  accept: string
  example: string
  path: string
}) {
  const [isOver, setOver] = useState(false)
  const over = (event: DragEvent) => {
    event.preventDefault()
    setOver(true)
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    uploadFiles([...(event.dataTransfer?.files ?? [])])
  }
  return html`<section class=${isOver ? 'upload over' : 'upload'} aria-label="Upload" onDragOver=${over} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <label class="button">
      Upload ${what}
      <input type="file" multiple accept=${accept} onChange=${(event: Event) => uploadFiles(chosenFiles(event))} />
    </label>
    <span class="faint"> or drop files here. External data goes with its model.</span>
    ${h(SameAs, { what: 'an upload', commands: { curl: curlCommand(path, { method: 'POST', file: example }) } })}
  </section>`
}
