import type { ModelRecord } from '../schemas/model.ts'
import { client, handledByPage } from './connection.ts'
import { storeChanged } from './loading.ts'
import { sharedValue } from './store.ts'

/** The state of an upload. `reading`: its digest is computed; `storing`: all is sent, and the server inspects the file. */
export type UploadState = 'waiting' | 'reading' | 'sending' | 'storing' | 'done' | 'failed' | 'cancelled'

/** An upload. `sent`, `total`: bytes. `rate`: bytes per second. `model`: the record of a model, once it is there. */
export type Upload = {
  id: number
  name: string
  state: UploadState
  sent: number
  total: number
  rate: number | undefined
  /** Name of the view of the record, such as `/models/ID`. */
  path: string | undefined
  error: unknown
  cancel: () => void
}

/** All uploads of this tab, oldest first. */
export const uploads = sharedValue<readonly Upload[]>([])

/** Models of this tab that lack external data. A file that comes later may be theirs. */
let incomplete: readonly ModelRecord[] = []

/** Tail of the queue: uploads run one after the other, since they share one connection to the server. */
let queue: Promise<unknown> = Promise.resolve()
let count = 0

/** Sends a file, and resolves with the view of its record. */
type Send = (options: { signal: AbortSignal; onProgress: (progress: { sent: number }) => void }) => Promise<string>

/**
 * Uploads files: models (`.onnx`), data sets (`.npz`), and external data of the models among them or of models before them.
 * Models go first, because their records say which external data they need.
 */
export function uploadFiles(files: readonly File[]): void {
  const models = files.filter(({ name }) => /\.onnx$/i.test(name))
  const datasets = files.filter(({ name }) => /\.npz$/i.test(name))
  for (const file of models) enqueue(file.name, file.size, options => sendModel(file, options))
  for (const file of datasets) enqueue(file.name, file.size, options => sendDataset(file, options))
  for (const file of files)
    if (!models.includes(file) && !datasets.includes(file))
      enqueue(file.name, file.size, options => sendData(file, options))
}

/** Uploads one file of external data. @param location as the model names it */
export function uploadData(model: string, location: string, file: File): void {
  enqueue(location, file.size, async options => {
    await client.putModelData(model, location, file, options)
    return `/models/${model}`
  })
}

async function sendModel(file: File, options: Parameters<Send>[0]): Promise<string> {
  const model = await client.createModel({ file, name: file.name.replace(/\.onnx$/i, '') }, options)
  if (model.missing.length > 0) incomplete = [...incomplete, model]
  return `/models/${model.id}`
}

async function sendDataset(file: File, options: Parameters<Send>[0]): Promise<string> {
  const { id } = await client.createDataset({ file, name: file.name.replace(/\.npz$/i, '') }, options)
  return `/datasets/${id}`
}

/** Sends a file to each model that needs external data of this name. Browsers tell the name of a file, and not its folder. */
async function sendData(file: File, options: Parameters<Send>[0]): Promise<string> {
  const needing = incomplete.flatMap(({ id, missing }) =>
    missing.filter(location => location.split(/[\\/]/).at(-1) === file.name).map(location => ({ id, location })),
  )
  const [first] = needing
  if (first === undefined)
    throw new Error(
      `${file.name} is neither a model (.onnx) nor a data set (.npz), and no model that was uploaded here needs it. Upload its model first.`,
    )
  for (const { id, location } of needing) {
    const { missing } = await client.putModelData(id, location, file, options)
    incomplete = incomplete.map(model => (model.id === id ? { ...model, missing } : model))
  }
  return `/models/${first.id}`
}

function enqueue(name: string, total: number, send: Send): void {
  const controller = new AbortController()
  count += 1
  const id = count
  const change = (fields: Partial<Upload>) =>
    uploads.set(uploads.get().map(upload => (upload.id === id ? { ...upload, ...fields } : upload)))
  const cancel = () => {
    controller.abort()
    change({ state: 'cancelled' })
  }
  const none = { sent: 0, rate: undefined, path: undefined, error: undefined }
  uploads.set([...uploads.get(), { id, name, state: 'waiting', total, ...none, cancel }])
  queue = queue.then(async () => {
    if (controller.signal.aborted) return
    change({ state: 'reading' })
    let began: number | undefined
    const onProgress = ({ sent }: { sent: number }) => {
      began ??= performance.now()
      const seconds = (performance.now() - began) / 1000
      // A form has a few bytes more than its file.
      const isSent = sent >= total
      change({
        state: isSent ? 'storing' : 'sending',
        sent: Math.min(sent, total),
        rate: seconds > 0.5 ? sent / seconds : undefined,
      })
    }
    try {
      change({ path: await send({ signal: controller.signal, onProgress }), state: 'done', sent: total })
      storeChanged()
    } catch (error) {
      if (controller.signal.aborted) return
      handledByPage(error)
      change({ state: 'failed', error })
    }
  })
}

// The browser asks before the user leaves, since uploads end with the page.
addEventListener('beforeunload', event => {
  if (uploads.get().some(({ state }) => !isEnded(state))) event.preventDefault()
})

/** Removes ended uploads from the list. */
export function forgetEnded(): void {
  uploads.set(uploads.get().filter(({ state }) => !isEnded(state)))
}

/** True if nothing more will happen with an upload. */
export function isEnded(state: UploadState): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled'
}
