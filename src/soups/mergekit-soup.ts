import { convertMergekit } from '../merge/convert-mergekit.ts'
import { readMergekit } from '../merge/mergekit-config.ts'
import { type ModelReference, referencesIn, withReferences } from '../merge/mergekit-models.ts'
import { refusal } from '../merge/mergekit-values.ts'
import { modelDigest } from '../models/model-digest.ts'
import type { SoupModel } from './soup-model.ts'

/** The parts of a form in the order of a recipe, and that recipe. */
export type ArrangedSoup = { models: SoupModel[]; recipe: unknown }

/**
 * Returns the parts of a form in the order of a mergekit configuration, and its recipe. The configuration names parts by filename, with or
 * without `.onnx` and directories, or by digest. If no part has the whole name of a repository or path (`org/A`), its last name counts.
 * Averaged models become parts `model`, in the order of the configuration; a base that is not averaged becomes the part `base`.
 * @throws TureenError `TUREEN_REQUEST_INVALID` for a name that fits no part or several parts, and for a part that the configuration does not name
 */
export function mergekitSoup(sent: readonly SoupModel[], body: object): ArrangedSoup {
  const read = readMergekit(body)
  const merge = withReferences(
    read,
    referencesIn(read).map(reference => String(partFor(reference, sent))),
  )
  const { models, base, ...recipe } = convertMergekit(merge)
  const partOf = (place: string, field: string): SoupModel[] => {
    const part = sent[Number(place)]
    return part ? [{ ...part, field }] : []
  }
  const averaged = models.map(({ id }) => id)
  const named = new Set(referencesIn(merge).map(({ model }) => model))
  const unnamed = sent.find((_, place) => !named.has(String(place)))
  if (unnamed) {
    const message = 'stands nowhere in the mergekit configuration; name it there, or do not send it'
    throw refusal([{ field: unnamed.field, model: unnamed.label, message: `${unnamed.label} ${message}` }])
  }
  const beside = base !== undefined && !averaged.includes(base) ? partOf(base, 'base') : []
  const basePart = base === undefined ? undefined : sent[Number(base)]
  return {
    models: [...averaged.flatMap(place => partOf(place, 'model')), ...beside],
    recipe: {
      ...recipe,
      models: models.map(({ id: _id, ...weight }) => weight),
      ...(basePart ? { base: digestOf(basePart) } : {}),
    },
  }
}

/** Returns the index of the part that a reference names. */
function partFor({ model, field }: ModelReference, sent: readonly SoupModel[]): number {
  const fitting = (name: string) => sent.flatMap((part, place) => (namesOf(part).includes(name) ? [place] : []))
  const whole = fitting(model)
  const found = whole.length > 0 ? whole : fitting(lastName(model))
  const [first, ...others] = found
  if (first !== undefined && others.length === 0) return first
  const labels = sent.map(({ label }) => label).join(', ')
  const message =
    first === undefined
      ? `names ${model}, and no part of the form has this filename; the parts are ${labels}`
      : `names ${model}, and ${found.length} parts of the form fit that; send them under different filenames, or name them by digest (sha256:...)`
  throw refusal([{ field, model, expected: labels, actual: model, message }])
}

/** Returns the names that a configuration may use for a part. */
function namesOf(part: SoupModel): string[] {
  // Remove the place that follows a filename which several parts have.
  const label = part.label.replace(/ \(model part \d+\)$/, '')
  const file = lastName(label)
  return [label, file, file.replace(/\.onnx$/i, ''), label.replace(/\.onnx$/i, ''), digestOf(part)]
}

function lastName(path: string): string {
  return path.replace(/[/\\]+$/, '').replace(/^.*[/\\]/s, '')
}

function digestOf({ files: [main, ...data] }: SoupModel): string {
  return modelDigest([main, ...data])
}
