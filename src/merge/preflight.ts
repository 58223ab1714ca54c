import { averagedPaths, holdsFloats } from '../onnx/averaged-tensors.ts'
import type { Leaf, Network } from '../onnx/graph/network.ts'
import type { Layout, TensorEntry } from '../onnx/layout.ts'
import { describeUse } from './explain-difference.ts'
import { networkOf } from './match-inputs.ts'
import type { MatchedInput } from './matched-input.ts'
import type { MergeInputs } from './merge-inputs.ts'
import { partialOverlaps } from './partial-overlaps.ts'
import { literalDifferences, tensorDifference, type ValueDifference } from './value-differences.ts'

export type Preflight = {
  /** Values that are never averaged and differ from the base's. */
  differences: ValueDifference[]
  /** Sentences about weights that are also parameters, and that differ. */
  warnings: string[]
  /** Paths, in the base, of the tensors that the soup averages. */
  averaged: ReadonlySet<string>
  /**
   * Paths, in the base, of float tensors that are the same in every model. Only tensors are listed whose storage
   * depends on their values: varint-coded ones, and external ones that share some of their bytes with others.
   */
  identical: ReadonlySet<string>
}

/**
 * Reads and compares all values that are never averaged (integers, bools, strings, parameters of operations), and float
 * tensors whose storage depends on their values.
 */
export function preflight({ models, base }: Omit<MergeInputs<MatchedInput>, 'companions'>): Preflight {
  const others = models.filter(({ sha256 }) => sha256 !== base.sha256)
  const unlike = others.filter(({ isTwin }) => !isTwin)
  const network = networkOf(base)
  const averaged = averagedPaths(base.layout, network)
  const leaves = leavesByTensor(network)
  const found: Preflight['differences'] = []
  const warnings: string[] = []
  const identical = new Set<string>()
  const overlapping = partialOverlaps(base.layout.tensors)
  let counters = 0
  for (const tensor of base.layout.tensors) {
    const leaf = leaves.get(tensor)
    const isWeight = averaged.has(tensor.path)
    const isNumber = isWeight && isScalarConstant(tensor)
    const isSlot = isWeight && leaf?.use?.kind === 'slot'
    const isKept = tensor.payload.form === 'varint' || overlapping.has(tensor.path)
    if (isWeight && !isNumber && !isSlot && !isKept) continue
    // A float that no output depends on changes nothing, so the base's is kept.
    if (!isWeight && holdsFloats(tensor) && !leaf) continue
    if (isBatchCounter(tensor, base.layout)) {
      if (unlike.some(other => tensorDifference(tensor, leaf, base, other))) counters += 1
      continue
    }
    const differences = (isWeight ? others : unlike).flatMap(other => tensorDifference(tensor, leaf, base, other) ?? [])
    if (!isWeight) found.push(...differences)
    else if (differences.length > 0) warnings.push(...(isSlot ? slotWarnings(leaf, differences) : []))
    else if (isNumber) averaged.delete(tensor.path)
    else if (isKept) identical.add(tensor.path)
  }
  if (counters > 0)
    warnings.push(
      `${counters} counters of batches (num_batches_tracked) differ between the checkpoints; the soup has those of the base`,
    )
  return {
    differences: [...found, ...unlike.flatMap(other => literalDifferences(base, other))],
    warnings,
    averaged,
    identical,
  }
}

function leavesByTensor({ leaves, annotated }: Network): ReadonlyMap<TensorEntry, Leaf> {
  const byTensor = new Map<TensorEntry, Leaf>()
  for (const some of [leaves, annotated.keys()]) {
    for (const leaf of some) {
      if (leaf.tensor) byTensor.set(leaf.tensor, leaf)
      if (leaf.indices) byTensor.set(leaf.indices, leaf)
    }
  }
  return byTensor
}

function slotWarnings({ use, name }: Leaf, differences: readonly ValueDifference[]): string[] {
  if (!use) return []
  return differences.map(({ model, expected, actual }) => {
    return `${name} is averaged, because the network also computes with it, although it is ${describeUse(use)}. It holds ${actual} in ${model}, ${expected} in the base. A rule with "skip": true keeps the base's`
  })
}

/** True for the number of batches that a batch norm of PyTorch has seen. It differs in every epoch, and no output depends on it. */
function isBatchCounter({ name }: TensorEntry, { checkpoint }: Layout): boolean {
  return checkpoint !== undefined && /(^|\.)num_batches_tracked$/.test(name)
}

/**
 * True for a single number in a node. If it is the same in every model, it belongs to the arithmetic (an epsilon or a
 * divisor, say) and is kept, even where weights are scaled.
 */
function isScalarConstant({ path, dims }: TensorEntry): boolean {
  return dims.length === 0 && /\.(t|f)$/.test(path)
}
