import type { Finding } from '../errors.ts'
import { chunksOf } from '../onnx/byte-source.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { dtypeName } from '../tensor/dtype.ts'
import { floatFormat } from '../tensor/float-format.ts'
import { combined, cosineOf, type PairMeasure, PairSums, relativeDistanceOf } from '../tensor/pair-sums.ts'
import { matchInputs } from './match-inputs.ts'
import type { Warning } from './match-warnings.ts'
import { elementsOf, type IndexedInput } from './merge-input.ts'
import { mergeInputs } from './merge-inputs.ts'
import { type MergeRules, mergeRules, skippedTensors, unmetRules } from './merge-rules.ts'
import { preflight } from './preflight.ts'
import { noRule, ruleOf } from './rule-match.ts'
import { sameElements } from './same-elements.ts'
import type { TensorRule } from './tensor-rule.ts'
import { asProblem } from './value-differences.ts'

/** Two tensors in the same place. Measures are null for tensors that are never averaged, or that differ in size. */
export type TensorComparison = {
  a: string
  b: string
  dtype: string
  dims: number[]
  /** True for a weight. `averaged`: true unless a rule skips it. */
  isWeight: boolean
  averaged: boolean
  identical: boolean
  cosine: number | null
  relativeDistance: number | null
  nonFinite: { a: number; b: number } | null
}

export type PairComparison = {
  /** Reasons why a merge would refuse the two; empty if it would not. */
  reasons: Finding[]
  /** Warnings about the pairing, to be read after the second model's name. */
  warnings: Warning[]
  /** The matches of each rule, and sentences for the author of the rules. */
  rules: Pick<MergeRules, 'reports' | 'warnings'>
  tensors: TensorComparison[]
  /** The measure of all weights together; null if there are none. */
  all: PairMeasure | null
}

/**
 * Compares two models tensor by tensor, paired as in a merge. `rules`: rules of a merge to try. `onBytes`: called with
 * the number of weight bytes compared.
 */
export function comparePair(
  a: IndexedInput,
  b: IndexedInput,
  onBytes: (bytes: number) => void,
  rules: readonly TensorRule[] = [],
): PairComparison {
  const pair = mergeInputs([a, b].map(model => ({ ...model, weight: 1 })))
  const isCarried = skippedTensors(pair.base, { rules })
  const { inputs, problems, warnings } = matchInputs(pair, isCarried)
  const { differences, averaged } = preflight(inputs)
  const { matches, reports, warnings: ofRules } = mergeRules(inputs, { rules }, averaged, isCarried)
  const isSkipped = (tensor: TensorEntry) => {
    const rule = ruleOf(matches.get(tensor)?.match ?? noRule)
    return rule !== null && rules[rule]?.skip === true
  }
  const tensors: TensorComparison[] = []
  const all: PairMeasure[] = []
  for (const ours of a.layout.tensors) {
    const theirs = inputs.models[1]?.counterpart(ours)
    if (!theirs || ours.path.endsWith('.indices')) continue
    const isWeight = averaged.has(ours.path)
    const measured = isWeight && sameType(ours, theirs) ? measure(ours, a, theirs, b, onBytes) : null
    if (measured) all.push(measured.measure)
    tensors.push({
      a: ours.name || ours.path,
      b: theirs.name || theirs.path,
      dtype: dtypeName(ours.dataType),
      dims: ours.dims,
      isWeight,
      averaged: isWeight && !isSkipped(ours),
      identical: measured ? measured.identical : sameType(ours, theirs) && same(ours, a, theirs, b),
      cosine: measured && cosineOf(measured.measure),
      relativeDistance: measured && relativeDistanceOf(measured.measure),
      nonFinite: measured?.measure.nonFinite ?? null,
    })
  }
  const reasons = [...problems, ...differences.map(asProblem), ...unmetRules(reports)].map(
    ({ model: _model, ...reason }) => reason,
  )
  const rulesMet = { reports, warnings: ofRules }
  return { reasons, warnings, rules: rulesMet, tensors, all: all.length > 0 ? combined(all) : null }
}

function measure(
  ours: TensorEntry,
  a: IndexedInput,
  theirs: TensorEntry,
  b: IndexedInput,
  onBytes: (bytes: number) => void,
): { measure: PairMeasure; identical: boolean } {
  const [x, y] = [elementsOf(ours, a), elementsOf(theirs, b)]
  const sums = new PairSums(floatFormat(dtypeName(ours.dataType)))
  let identical = true
  let other: Uint8Array | undefined
  for (const { offset, bytes } of chunksOf(x)) {
    other = (other ?? new Uint8Array(bytes.byteLength)).subarray(0, bytes.byteLength)
    y.read(offset, other)
    identical &&= Buffer.compare(bytes, other) === 0
    sums.add(bytes, other)
    onBytes(2 * bytes.byteLength)
  }
  return { measure: sums.measure, identical }
}

function sameType(a: TensorEntry, b: TensorEntry): boolean {
  return a.dataType === b.dataType && a.elements === b.elements
}

function same(ours: TensorEntry, a: IndexedInput, theirs: TensorEntry, b: IndexedInput): boolean {
  return sameElements({ tensor: ours, literal: null }, a, { tensor: theirs, literal: null }, b)
}
