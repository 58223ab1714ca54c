import { type ProblemItem, TureenError } from '../errors.ts'
import type { Correspondence, SharedWeight } from '../export/correspondence.ts'
import { deriveWeight, type TensorSupplier } from '../export/derive-weight.ts'
import { differingChoices, fitCheckpoint } from '../export/fit-checkpoint.ts'
import { checkpointTensors, tensorSupplier } from '../export/read-tensors.ts'
import { firstOf } from '../first-of.ts'
import { derivedModel } from '../merge/derived-model.ts'
import type { NonFiniteTensor } from '../merge/non-finite.ts'
import type { PartedWeight } from '../merge/parted-weights.ts'
import type { RecipeDocument } from '../merge/provenance.ts'
import { readCorrespondence } from './correspondence-document.ts'
import { outputFiles, type WrittenFile, writeFiles } from './merge-task.ts'
import { bytesReadOf, closeInputs, type MergeFile, type OpenInput, openInputs } from './open-inputs.ts'
import type { WorkControl } from './work-control.ts'

/** The files of a conversion. `correspondence`: the text that the export keeps; `recipe`: for the metadata of the model, null for none. */
export type ConversionFiles = {
  model: MergeFile
  checkpoint: MergeFile
  correspondence: string
  recipe: RecipeDocument | null
}

/** The model that a conversion has written, its own file first. `isParted`: true if its graph is not the one of the exported model. */
export type ConvertedModel = {
  files: WrittenFile[]
  isParted: boolean
  report: { weights: number; kept: number; warnings: string[]; bytesRead: number; bytesWritten: number }
}

/** The largest numbers of tensors that a sentence names, and of causes that an error lists. */
const [named, listed] = [3, 100]

/**
 * Writes the model of a checkpoint, flushed to the disk: its own file at `output`, data files beside it. Progress is in bytes written.
 * @throws TureenError `TUREEN_CHECKPOINT_DIFFERS` if the checkpoint does not fit the export; `TUREEN_MODEL_UNSUPPORTED`
 */
export function convertFiles(
  { model, checkpoint, correspondence, recipe }: ConversionFiles,
  output: string,
  control: WorkControl,
): ConvertedModel {
  const inputs = openInputs([model, checkpoint])
  const [base, trained] = inputs
  try {
    if (!base || !trained) throw new RangeError('a conversion has two files')
    const found = readCorrespondence(correspondence)
    const read = fittingTensors(found, trained)
    const parted = found.shared.flatMap(shared => differingShares(found, shared, read))
    const derived = derivedModel(base, { weights: found.weights, parted }, read, recipe)
    const outputs = outputFiles(derived.files, output)
    const bytesWritten = outputs.reduce((sum, { bytes }) => sum + bytes, 0)
    control.begin(bytesWritten)
    const files = writeFiles(outputs, true, control)
    const warnings = [
      ...nonFiniteWarning(checkpoint.label, derived.nonFinite()),
      ...keptWarning(found),
      ...partedWarning(parted),
      ...unreadWarning(found, trained),
    ]
    const report = { weights: found.weights.length + parted.length, kept: found.unmatched.length, warnings }
    return { files, isParted: parted.length > 0, report: { ...report, bytesRead: bytesReadOf(inputs), bytesWritten } }
  } finally {
    closeInputs(inputs)
  }
}

/** Returns a reader of a checkpoint that fits a correspondence. @throws TureenError `TUREEN_CHECKPOINT_DIFFERS` naming each difference */
function fittingTensors(found: Correspondence, checkpoint: OpenInput): TensorSupplier {
  const { prefix, causes } = fitCheckpoint(found, checkpointTensors(checkpoint.layout))
  requireFit(checkpoint.label, causes)
  const read = tensorSupplier(checkpoint, prefix)
  requireFit(checkpoint.label, differingChoices(found, read))
  return read
}

/** Returns the weights that the export stores once with another, and that differ from it in this checkpoint. */
function differingShares(
  { weights }: Correspondence,
  { path, others }: SharedWeight,
  read: TensorSupplier,
): PartedWeight[] {
  const own = weights.find(weight => weight.path === path)
  if (!own) return []
  const { bytes } = deriveWeight(own.derivation, read)
  const differing = others.filter(({ derivation }) => Buffer.compare(bytes, deriveWeight(derivation, read).bytes) !== 0)
  return differing.map(({ output, derivation }) => ({ output, path, derivation }))
}

function requireFit(model: string, causes: readonly ProblemItem[]): void {
  const [first] = causes
  if (!first) return
  const more =
    causes.length > 1
      ? `, and there ${causes.length === 2 ? 'is 1 more difference' : `are ${causes.length - 1} more differences`}`
      : ''
  throw new TureenError(
    'TUREEN_CHECKPOINT_DIFFERS',
    `The checkpoint ${model} does not fit the export: it ${first.message}${more}. Take a checkpoint of the exported network, or export this one and make its export.`,
    causes.slice(0, listed).map(cause => ({ model, ...cause })),
  )
}

function nonFiniteWarning(model: string, tensors: readonly NonFiniteTensor[]): string[] {
  if (tensors.length === 0) return []
  const total = tensors.reduce((sum, { elements }) => sum + elements, 0)
  const names = tensors.map(({ tensor, elements }) => `${tensor} (${elements})`)
  return [`The model has ${total} NaN or infinite elements that come from ${model}: ${firstOf(names, named)}.`]
}

function keptWarning({ unmatched }: Correspondence): string[] {
  if (unmatched.length === 0) return []
  const names = unmatched.map(({ tensor }) => tensor)
  return [`These weights follow from no checkpoint, and are those of the exported model: ${firstOf(names, named)}.`]
}

function partedWarning(parted: readonly PartedWeight[]): string[] {
  if (parted.length === 0) return []
  const names = parted.map(({ output }) => output)
  return [
    `The exporter stored tensors once that differ in this checkpoint. The model has initializers of their own for ${firstOf(names, named)}.`,
  ]
}

/** Warns of float tensors that the checkpoint of the export does not have: this checkpoint may be of a grown network. */
function unreadWarning({ used, unused }: Correspondence, { layout, label }: OpenInput): string[] {
  const { prefix } = fitCheckpoint({ used }, checkpointTensors(layout))
  const own = (key: string) => (key.startsWith(prefix.add) ? prefix.drop + key.slice(prefix.add.length) : key)
  const known = new Set([...used.map(({ key }) => key), ...unused])
  const more = checkpointTensors(layout).flatMap(({ key }) => (known.has(own(key)) || known.has(key) ? [] : [key]))
  if (more.length === 0) return []
  return [
    `${label} has tensors that the checkpoint of the export lacks, and that no weight takes: ${firstOf(more, named)}.`,
  ]
}
