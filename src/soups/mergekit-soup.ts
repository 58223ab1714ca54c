import { convertMergekit } from '../merge/convert-mergekit.ts'
import { readMergekit } from '../merge/mergekit-config.ts'
import { type ModelReference, referencesIn, withReferences } from '../merge/mergekit-models.ts'
import { refusal } from '../merge/mergekit-values.ts'
import { modelDigest } from '../models/model-digest.ts'
import type { SoupModel } from './soup-model.ts'

/** Parts of a form in the order in which a recipe means them, and that recipe. */
export type ArrangedSoup = { models: SoupModel[]; recipe: unknown }

/**
 * The parts of a form as a configuration of mergekit refers to them: by filename, with or without `.onnx` and directories, or by
 * digest. A repository or path in the configuration (`org/A`) also fits by its last name, if no part fits it whole. Parts that it averages become parts `model`, in its order, and a base that it does not average becomes the part `base`.
 * @throws TureenError `TUREEN_REQUEST_INVALID` for a name that no part or several parts have, and for a part without a name there
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

/** Where among the parts the one is that a configuration refers to. */
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

/** What a configuration may call a part. */
function namesOf(part: SoupModel): string[] {
  // A filename that stands there twice has its place behind it.
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
