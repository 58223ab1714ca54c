import { TureenError } from '../errors.ts'
import type { ReceivedData } from '../models/model-store.ts'
import type { Artifacts } from '../storage/artifacts.ts'
import { discardAll, receiveFiles } from './receive-files.ts'
import type { UploadPart } from './upload.ts'

/** A model that was sent in a request: its files, its own first, what the client calls it, and the name of its part. */
export type SentModel = { field: string; label: string; files: [ReceivedData, ...ReceivedData[]] }

/**
 * Receives models: file parts named `model`, each followed by the parts named `data` that belong to it, whose filename is the location
 * that the model gives, directories kept.
 *
 * @param another called before a model is read, with those before it; may throw
 * @param fields names of parts that are models
 * @param other takes a part of another name, or throws
 */
export async function receiveModels(
  parts: AsyncIterable<UploadPart>,
  artifacts: Artifacts,
  another: (models: readonly SentModel[]) => void,
  other: (part: UploadPart, models: readonly SentModel[]) => Promise<void>,
  fields: readonly string[] = ['model'],
): Promise<SentModel[]> {
  const models: SentModel[] = []
  await receiveFiles<ReceivedData>(parts, artifacts, async part => {
    if (part.kind === 'file' && fields.includes(part.field)) {
      another(models)
      const file = { ...(await artifacts.receive(part.stream)), location: '' }
      models.push({ field: part.field, label: labelFor(part.filename, models), files: [file] })
      return file
    }
    if (part.kind === 'file' && part.field === 'data') {
      const { model, location } = belonging(part, models)
      const file = { ...(await artifacts.receive(part.stream)), location }
      model.files.push(file)
      return file
    }
    await other(part, models)
    return undefined
  })
  return models
}

export async function discardModels(models: readonly SentModel[], artifacts: Artifacts): Promise<void> {
  for (const { files } of models) await discardAll(files, artifacts)
}

/** The model that a data part belongs to, and under which location. */
function belonging({ filename }: Extract<UploadPart, { kind: 'file' }>, models: readonly SentModel[]) {
  const model = models.at(-1)
  const location = filename ?? ''
  if (!model) throw refusal('comes before the model that it belongs to; send it behind the model')
  if (location === '')
    throw refusal(
      'has no filename, which is the location that the model gives (with curl: -F "data=@FILE;filename=LOCATION")',
    )
  if (model.files.some(file => file.location === location)) throw refusal(`is the second one for ${location}`)
  return { model, location }
}

function refusal(message: string): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `A part data ${message}.`, [{ field: 'data', message }])
}

/** What errors call a model: its filename, with its place where that says too little. */
function labelFor(filename: string | undefined, before: readonly SentModel[]): string {
  const place = `model part ${before.length + 1}`
  if (filename === undefined) return place
  return before.some(({ label }) => label === filename) ? `${filename} (${place})` : filename
}
