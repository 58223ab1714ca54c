import { useState } from 'preact/hooks'
import { html } from '../markup.ts'
import { uploadFiles } from '../uploads.ts'

/** Returns the files that a user has chosen in a field, and empties it, so that the same file can be chosen again. */
export function chosenFiles({ currentTarget: field }: Event): File[] {
  if (!(field instanceof HTMLInputElement)) return []
  const files = [...(field.files ?? [])]
  field.value = ''
  return files
}

// A file that misses the place must not replace the page.
for (const event of ['dragover', 'drop']) addEventListener(event, each => each.preventDefault())

/** A place for files: the user drops them there, or chooses them in a dialog. @param what the files, such as `models` */
export function UploadArea({ what, accept }: { what: string; accept: string }) {
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
  </section>`
}
