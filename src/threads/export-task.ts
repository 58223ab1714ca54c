import type { ExportRequest, ExportSummary } from '../../schemas/export.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import type { Correspondence } from '../export/correspondence.ts'
import { findCorrespondence } from '../export/find-correspondence.ts'
import { foldWarnings } from '../export/fold-warnings.ts'
import { firstOf } from '../first-of.ts'
import { writeCorrespondence } from './correspondence-document.ts'
import { closeInputs, type MergeFile, openInputs } from './open-inputs.ts'
import type { WorkControl } from './work-control.ts'

/** A model and the checkpoint that it was exported from. */
export type ExportFiles = { model: MergeFile; checkpoint: MergeFile; unmatched: ExportRequest['unmatched'] }

/** A correspondence that was found, as text, and what lists show of it. */
export type FoundExport = Pick<ExportSummary, 'prefix' | 'counts' | 'warnings'> & { correspondence: string }

/** The largest numbers of tensors that a sentence names, and of causes that an error lists. */
const [named, listed] = [3, 100]

/**
 * Finds how the weights of a model follow from a checkpoint. Progress is in bytes read.
 * @throws TureenError as `findCorrespondence` does; `TUREEN_EXPORT_UNMATCHED` naming the weights that follow from no tensor
 */
export function findExport({ model, checkpoint, unmatched }: ExportFiles, control: WorkControl): FoundExport {
  const inputs = openInputs([model, checkpoint])
  const [own, trained] = inputs
  try {
    if (!own || !trained) throw new RangeError('an export has two files')
    control.begin(inputs.reduce((sum, { source, data }) => sum + sizeOf([source, ...data.values()]), 0))
    const found = findCorrespondence(own, trained, control.advance)
    if (unmatched === 'refuse') requireMatched(found, model.label, checkpoint.label)
    const { prefix, weights, ambiguous, shared, numbers, unused } = found
    return {
      prefix,
      counts: {
        weights: weights.length,
        unmatched: found.unmatched.length,
        ambiguous: ambiguous.length,
        shared: shared.length,
        numbers: numbers.length,
        unused: unused.length,
      },
      warnings: warningsOf(found),
      correspondence: writeCorrespondence(found),
    }
  } finally {
    closeInputs(inputs)
  }
}

function sizeOf(sources: readonly { byteLength: number }[]): number {
  return sources.reduce((sum, { byteLength }) => sum + byteLength, 0)
}

function requireMatched({ unmatched }: Correspondence, model: string, checkpoint: string): void {
  if (unmatched.length === 0) return
  const causes = unmatched.slice(0, listed).map(({ tensor, nearest, reason }): ProblemItem => {
    const message = `follows from no tensor of the checkpoint: ${reason}`
    return { model, tensor, message, ...(nearest === null ? {} : { actual: `nearest: ${nearest}` }) }
  })
  const more = unmatched.length > listed ? ` The errors name the first ${listed}.` : ''
  const subject = unmatched.length === 1 ? 'One weight' : `${unmatched.length} weights`
  throw new TureenError(
    'TUREEN_EXPORT_UNMATCHED',
    `${subject} of the model ${model} cannot be made from the checkpoint ${checkpoint}: ${namesOf(unmatched)}.${more} Post the checkpoint that the model was exported from, or send "unmatched": "keep" to keep these weights as they are.`,
    causes,
  )
}

function warningsOf({ unmatched, ambiguous, shared, weights }: Correspondence): string[] {
  const groups = ambiguous.map(({ weights: [tensor = ''] }) => ({ tensor }))
  return [
    ...(unmatched.length > 0
      ? [`Models of this export keep weights of the ONNX model that follow from no checkpoint: ${namesOf(unmatched)}.`]
      : []),
    ...(weights.length === 0 ? ['No weight of the model follows from the checkpoint.'] : []),
    ...(ambiguous.length > 0
      ? [
          `Several tensors of the checkpoint have the values of these weights: ${namesOf(groups)}. Other checkpoints fit only if these tensors are equal there too.`,
        ]
      : []),
    ...(shared.length > 0
      ? [
          `The exporter stored equal tensors once: ${namesOf(shared)}. Export a trained checkpoint, in which they differ.`,
        ]
      : []),
    ...foldWarnings(weights),
  ]
}

function namesOf(tensors: readonly { tensor: string }[]): string {
  return firstOf(
    tensors.map(({ tensor }) => tensor),
    named,
  )
}
