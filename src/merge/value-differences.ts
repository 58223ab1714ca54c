import type { ProblemItem } from '../errors.ts'
import { holdsFloats } from '../onnx/averaged-tensors.ts'
import type { Leaf } from '../onnx/graph/network.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { dtypeName } from '../tensor/dtype.ts'
import { explainDifference, isSparseIndices } from './explain-difference.ts'
import type { MatchedInput } from './matched-input.ts'
import type { LabelledFiles } from './merge-input.ts'
import { type Elements, firstDifference } from './same-elements.ts'
import { showElements } from './shown-elements.ts'

/**
 * A value that is never averaged and differs in a model. `expected`: the base's. `canBeBase`: true if the soup can take
 * the base's.
 */
export type ValueDifference = {
  model: string
  tensor: string
  expected: string
  actual: string
  node: string | null
  message: string
  canBeBase: boolean
}

/** Returns a difference as a cause of a refusal. */
export function asProblem({ node, canBeBase: _canBeBase, ...difference }: ValueDifference): ProblemItem {
  return { ...difference, ...(node === null ? {} : { node }) }
}

/**
 * Returns the difference between a model's tensor and the base's; undefined if both hold the same. `leaf`: the base's
 * leaf, if an output depends on it.
 */
export function tensorDifference(
  ours: TensorEntry,
  leaf: Leaf | undefined,
  base: LabelledFiles,
  other: MatchedInput,
): ValueDifference | undefined {
  const theirs = other.counterpart(ours)
  if (!theirs || ours.dataType !== theirs.dataType || ours.elements !== theirs.elements) return undefined
  const type = `${dtypeName(ours.dataType)}[${ours.dims.join(', ')}]`
  const shown = shownDifference(asElements(ours), base, asElements(theirs), other, type)
  const isParameter = holdsFloats(ours) || (leaf?.use?.kind === 'slot' && leaf.use.reason)
  const use = (isParameter && leaf?.use) || null
  return (
    shown && {
      model: other.label,
      tensor: ours.name || ours.path,
      node: use?.node ?? leaf?.node ?? null,
      ...shown,
      message: `holds ${shown.actual}, in the base ${shown.expected}: ${explainDifference(ours, use)}`,
      canBeBase: !isSparseIndices(ours),
    }
  )
}

/** Returns differences between integers or strings in attributes. */
export function literalDifferences(base: LabelledFiles, other: MatchedInput): ValueDifference[] {
  return other.literals.flatMap(({ ours, theirs }): ValueDifference[] => {
    // Leaves of different types are reported as different networks.
    const shown = ours.type === theirs.type ? shownDifference(ours, base, theirs, other, ours.type) : undefined
    if (!shown) return []
    const message = `holds ${shown.actual}, in the base ${shown.expected}: only floats are averaged; "nonFloat": "base" takes the base's`
    return [
      { model: other.label, tensor: ours.name, node: theirs.node ?? ours.node, ...shown, message, canBeBase: true },
    ]
  })
}

function shownDifference(
  ours: Elements,
  base: LabelledFiles,
  theirs: Elements,
  other: LabelledFiles,
  type: string,
): { expected: string; actual: string } | undefined {
  const at = firstDifference(ours, base, theirs, other)
  if (at === null) return undefined
  return { expected: showElements(ours, type, base, at), actual: showElements(theirs, type, other, at) }
}

function asElements(tensor: TensorEntry): Elements {
  return { tensor, literal: null }
}
