import type { z } from 'zod'
import type { SoupReport, soupRecipe } from '../schemas/soup.ts'
import { type Download, downloadFrom, factsOf } from './download.ts'
import { type Exchange, readJson } from './exchange.ts'
import { dataParts } from './model-operations.ts'
import { type FileBytes, type FormFile, type FormText, formUpload, type UploadOptions } from './uploads.ts'

/** A model of a soup: its file, or its file with its external data by the locations that the model writes. */
export type SoupPart = FileBytes | { file: FileBytes; data?: Readonly<Record<string, FileBytes>> }

/** A soup of models that are sent with the request. The server keeps nothing of it. */
export type SoupRequest = {
  models: readonly SoupPart[]
  /** The model whose file, names and interface the soup has; the first one by default. */
  base?: SoupPart
  /** Files with the Fisher information of the models. */
  fishers?: readonly SoupPart[]
  /** The recipe, or the text of one in JSON or YAML. */
  recipe?: z.input<typeof soupRecipe> | string
  /** One weight for each model, in place of a recipe. */
  weights?: readonly number[]
}

/** Options of a soup. `onReceived`: called while the soup comes. */
export type SoupOptions = UploadOptions & {
  onReceived?: (progress: { received: number; total: number | null }) => void
}

/** A soup that is being downloaded. The digest of its bytes is verified. */
export type SoupDownload = Download & {
  /** Number of warnings. With `report: 'only'` in place of the soup the server tells what they are. */
  warnings: number
  /** The report of the merge; null if it is too long for a header. */
  report: SoupReport | null
}

/** The operation that makes a soup in one request. */
export function soupOperations(exchange: Exchange) {
  /** Merges the models of the request. With `report: 'only'` it resolves with the report in place of the soup. */
  function makeSoup(request: SoupRequest, options?: SoupOptions): Promise<SoupDownload>
  function makeSoup(request: SoupRequest, options: SoupOptions & { report: 'only' }): Promise<SoupReport>
  async function makeSoup(
    request: SoupRequest,
    options: SoupOptions & { report?: 'only' } = {},
  ): Promise<SoupDownload | SoupReport> {
    const { report } = options
    const { body, headers } = await formUpload(partsOf(request), options)
    const call = { query: { report }, body, headers, onSent: options.onProgress, options }
    if (report === 'only') return exchange.send('makeSoup', {}, call, readJson<SoupReport>)
    const first = await exchange.send('makeSoup', {}, call, async response => response)
    const soup = downloadFrom({
      what: 'The soup',
      first,
      facts: factsOf(first.headers),
      // The server has forgotten the models.
      resume: undefined,
      mayGoOn: async () => false,
      silenceSeconds: exchange.silenceSeconds,
      signal: options.signal,
      onProgress: options.onReceived,
    })
    const warnings = Number(first.headers.get('tureen-warnings') ?? 0)
    return { ...soup, warnings, report: reportOf(first.headers.get('tureen-report')) }
  }
  return { makeSoup }
}

function partsOf({ models, base, fishers = [], recipe, weights }: SoupRequest): (FormFile | FormText)[] {
  const files = (field: string, models: readonly SoupPart[]) =>
    models.flatMap((model, index) => {
      const { file, data } = model instanceof Blob || model instanceof Uint8Array ? { file: model } : model
      return [{ field, location: `${field}-${index}.onnx`, file }, ...dataParts(data)]
    })
  const text = typeof recipe === 'object' ? JSON.stringify(recipe) : recipe
  return [
    ...(text === undefined ? [] : [{ field: 'recipe', text }]),
    ...(weights ?? []).map(weight => ({ field: 'weights', text: String(weight) })),
    ...files('model', models),
    ...files('base', base ? [base] : []),
    ...files('fisher', fishers),
  ]
}

/** Returns the report in the header Tureen-Report: JSON in base64url. */
function reportOf(header: string | null): SoupReport | null {
  if (header === null) return null
  const bytes = Uint8Array.from(atob(header.replaceAll('-', '+').replaceAll('_', '/')), each => each.charCodeAt(0))
  const report: SoupReport = JSON.parse(new TextDecoder().decode(bytes))
  return report
}
