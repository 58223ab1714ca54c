import { h } from 'preact'
import { useState } from 'preact/hooks'
import type { ModelRecord } from '../../schemas/model.ts'
import { curlCommand } from '../commands.ts'
import { client, handledByPage } from '../connection.ts'
import { html } from '../markup.ts'
import { bytesText } from '../numbers.ts'
import { publicPath } from '../place.ts'
import { token } from '../session.ts'
import { useShared } from '../store.ts'
import { ErrorNotice } from './notices.ts'
import { SameAs } from './same-as.ts'
import { saveFile } from './save-file.ts'

/** Most bytes that the page downloads with a token: it has to hold them all before it can save them. */
export const mostHeldBytes = 500e6

/** A file that a user can download. `path`: its address in the API. */
type FileToSave = { path: string; filename: string; bytes: number }

/** The files of a model, each to be downloaded. */
export function Downloads({ model }: { model: ModelRecord }) {
  const { id, name, files } = model
  return files.map(({ location, bytes }) => {
    const filename =
      location === '' ? `${(name ?? id).replace(/\.onnx$/i, '')}.onnx` : (location.split(/[\\/]/).at(-1) ?? location)
    const path = location === '' ? `/v1/models/${id}/content` : `/v1/models/${id}/data/${encodeURIComponent(location)}`
    return h(FileDownload, { key: location, file: { path, filename, bytes }, start: startOf(id, location) })
  })
}

type Start = (options: {
  signal: AbortSignal
  onProgress: (progress: { received: number }) => void
}) => ReturnType<typeof client.getModelContent>

function startOf(id: string, location: string): Start {
  return options => (location === '' ? client.getModelContent(id, options) : client.getModelData(id, location, options))
}

function FileDownload({ file, start }: { file: FileToSave; start: Start }) {
  const { path, filename, bytes } = file
  const hasToken = useShared(token) !== ''
  const title = `Download ${filename} (${bytesText(bytes)})`
  const commands = { curl: curlCommand(path, { output: filename }) }
  // Without a token the browser downloads by itself, whatever the size.
  if (!hasToken)
    return html`<p><a class="button" href=${publicPath + path} download=${filename}>${title}</a></p>
      ${h(SameAs, { what: 'this download', commands })}`
  if (bytes > mostHeldBytes)
    return html`<p>${filename} has ${bytesText(bytes)}. With a token, the page downloads at most ${bytesText(mostHeldBytes)}. This command downloads it:</p>
      ${h(SameAs, { what: 'this download', commands, isOpen: true })}`
  return html`${h(HeldDownload, { filename, bytes, title, start })} ${h(SameAs, { what: 'this download', commands })}`
}

/** A download that the page itself does, because a link carries no token. */
function HeldDownload({
  filename,
  bytes,
  title,
  start,
}: {
  filename: string
  bytes: number
  title: string
  start: Start
}) {
  const [received, setReceived] = useState<number | undefined>(undefined)
  const [running, setRunning] = useState<AbortController | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const run = async () => {
    const controller = new AbortController()
    const { signal } = controller
    setRunning(controller)
    setError(undefined)
    try {
      const download = await start({ signal, onProgress: ({ received }) => setReceived(received) })
      saveFile(await new Response(download.body).blob(), filename)
    } catch (error) {
      if (!signal.aborted && !handledByPage(error)) setError(error)
    }
    setRunning(undefined)
    setReceived(undefined)
  }
  return html`<p>
      <button type="button" disabled=${running !== undefined} onClick=${run}>${title}</button>
      ${
        running &&
        html` <progress aria-label="Download of ${filename}" max=${bytes} value=${received ?? 0}></progress>
          <button type="button" class="quiet" onClick=${() => running.abort()}>Cancel</button>`
      }
    </p>
    ${h(ErrorNotice, { error })}`
}
