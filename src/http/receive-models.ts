import { type Place, TureenError } from '../errors.ts'
import type { ReceivedData } from '../models/model-uploads.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import type { UploadPart } from './form-parts.ts'
import { modelChunks } from './model-beginning.ts'
import { discardAll, receiveFiles } from './receive-files.ts'
import { withoutPath } from './sent-filename.ts'

/** A model of a request. `field`: the name of its form part; `label`: its name in errors; `files`: its own file, then its external data. */
export type SentModel = { field: string; label: string; files: [ReceivedData, ...ReceivedData[]] }

/**
 * Receives models: file parts named `model`, each followed by its parts named `data`. The filename of a data part is its location in the
 * model, slashes included.
 *
 * @param another called with the earlier models before the next one is read; it may throw
 * @param fields names of parts that are models
 * @param other handles a part with another name, or throws
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
      const label = labelFor(withoutPath(part.filename), models)
      const isOneOfMany = fields.length > 1
      const file = { ...(await receive(modelChunks(part, isOneOfMany ? label : null))), location: '' }
      models.push({ field: part.field, label, files: [file] })
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
 * Returns the location of a data part, which belongs to the model part before it.
 * @param before locations of the earlier data parts of that model
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

/** Returns the name of a model in errors: its filename, or its place if it has none. Equal filenames get their places, too. */
function labelFor(filename: string | undefined, before: readonly SentModel[]): string {
  const place = `model part ${before.length + 1}`
  if (filename === undefined) return place
  return before.some(({ label }) => label === filename) ? `${filename} (${place})` : filename
}
