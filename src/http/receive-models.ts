import { type Place, TureenError } from '../errors.ts'
import type { ReceivedData } from '../models/model-store.ts'
import type { ContentFiles } from '../storage/content-files.ts'
import { discardAll, receiveFiles } from './receive-files.ts'
import { withoutPath } from './sent-filename.ts'
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
  contentFiles: ContentFiles,
  another: (models: readonly SentModel[]) => void,
  other: (part: UploadPart, models: readonly SentModel[]) => Promise<void>,
  fields: readonly string[] = ['model'],
): Promise<SentModel[]> {
  const models: SentModel[] = []
  const locations = new Set<string>()
  await receiveFiles<ReceivedData>(parts, contentFiles, async (part, _, receive) => {
    if (part.kind === 'file' && fields.includes(part.field)) {
      another(models)
      locations.clear()
      const file = { ...(await receive(part.stream)), location: '' }
      models.push({ field: part.field, label: labelFor(withoutPath(part.filename), models), files: [file] })
      return file
    }
    if (part.kind === 'file' && part.field === 'data') {
      const model = models.at(-1)
      const location = locationOf(part.filename, model, locations)
      const file = { ...(await receive(part.stream)), location }
      locations.add(location)
      model?.files.push(file)
      return file
    }
    await other(part, models)
    return undefined
  })
  return models
}

export async function discardModels(models: readonly SentModel[], contentFiles: ContentFiles): Promise<void> {
  for (const { files } of models) await discardAll(files, contentFiles)
}

/**
 * The location of a data part, which belongs to the model part before it.
 * @param before locations of that model's data parts until now
 */
function locationOf(filename: string | undefined, model: SentModel | undefined, before: ReadonlySet<string>): string {
  const named = filename ? ` ${filename}` : ''
  if (!model)
    throw refusal(
      filename ? { location: filename } : {},
      `The data part${named} comes before any model part`,
      'Send each model part first, then its data parts, then the next model part',
    )
  if (!filename)
    throw refusal(
      { model: model.label },
      `A data part after the model ${model.label} has no filename`,
      'Its filename is the location that the model gives (with curl: -F "data=@FILE;filename=LOCATION")',
    )
  if (before.has(filename))
    throw refusal(
      { model: model.label, location: filename },
      `The data part${named} is the second one for this location after the model ${model.label}`,
      'A data part belongs to the model part before it: send each model, then its data, then the next model',
    )
  return filename
}

function refusal(place: Place, found: string, advice: string): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `${found}. ${advice}.`, [
    { ...place, field: 'data', message: found },
  ])
}

/** What errors call a model: its filename, with its place where that says too little. */
function labelFor(filename: string | undefined, before: readonly SentModel[]): string {
  const place = `model part ${before.length + 1}`
  if (filename === undefined) return place
  return before.some(({ label }) => label === filename) ? `${filename} (${place})` : filename
}
