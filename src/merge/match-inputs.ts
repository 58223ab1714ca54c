import { blame, type Finding, type ProblemItem } from '../errors.ts'
import { externalLocations } from '../onnx/external-data.ts'
import { type Alignment, alignBeneath, alignNetworks } from '../onnx/graph/align.ts'
import { knownNetwork } from '../onnx/graph/known-network.ts'
import { isAllZero } from '../onnx/graph/leaf-values.ts'
import type { Network } from '../onnx/graph/network.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { requireComplete } from './incomplete.ts'
import { pairKeys } from './match-checkpoints.ts'
import { matchWarnings, type Warning } from './match-warnings.ts'
import { asAligned, asBase, asTwin, type MatchedInput, type UsedInput, usedTensors } from './matched-input.ts'
import type { IndexedInput } from './merge-input.ts'
import { filesOf, type MergeInputs, mapInputs } from './merge-inputs.ts'
import { requireOneKind } from './one-kind.ts'
import { sameLeafElements } from './same-elements.ts'
import { twinsOf } from './twin.ts'

/**
 * `problems`: reasons why the inputs are not one network; empty if they are. `warnings`: sentences to be read after the
 * model's name.
 */
export type MatchedInputs = {
  inputs: MergeInputs<MatchedInput>
  problems: ProblemItem[]
  warnings: (Warning & { model: string })[]
}

/** Differences beyond this many are counted, not listed. */
const listedDifferences = 100

/** Returns true if a tensor of the base needs no counterpart, because a rule skips it. */
export type IsCarried = (tensor: TensorEntry) => boolean

/**
 * Pairs the tensors of every input with the base's by what the networks compute; names do not matter. If a model
 * differs from the base only in a head of the base whose tensors need no counterpart, the rest is paired. A file that
 * is the base again, or a twin of it, has its tensors in the same order.
 *
 * @throws TureenError `TUREEN_MODEL_INCOMPLETE`, `TUREEN_MODEL_MALFORMED` or `TUREEN_MODEL_LIMIT`, naming the model
 */
export function matchInputs(inputs: MergeInputs<IndexedInput>, isCarried?: IsCarried): MatchedInputs {
  const { base } = inputs
  const problems: ProblemItem[] = []
  const warnings: MatchedInputs['warnings'] = []
  requireOneKind(filesOf(inputs).map(({ label, layout }) => ({ label, isCheckpoint: layout.checkpoint !== undefined })))
  for (const file of filesOf(inputs)) requireData(file)
  const isTwin = twinsOf(base, networkOf(base))
  const usedBase = usedInput(base)
  const matched = mapInputs(inputs, (input): MatchedInput => {
    if (input === base || input.sha256 === base.sha256) return asBase(base, input)
    if (isTwin(input)) return asTwin(usedBase, input)
    if (base.layout.checkpoint) {
      const paired = pairKeys(base, input, isCarried)
      problems.push(...atMost(paired.problems, base).map(problem => ({ model: input.label, ...problem })))
      warnings.push(...paired.warnings.map(warning => ({ model: input.label, ...warning })))
      return paired.input
    }
    const alignment = align(base, input, isCarried)
    const found = listed(alignment, base, input)
    for (const problem of found) problems.push({ model: input.label, ...problem })
    if (found.length === 0) {
      for (const warning of matchWarnings(alignment, networkOf(base), networkOf(input)))
        warnings.push({ model: input.label, ...warning })
    }
    return asAligned(usedBase, usedInput(input), alignment)
  })
  return { inputs: matched, problems, warnings }
}

/** Returns the network of an input, built once. @throws TureenError naming the model */
export function networkOf({ layout, source, label }: IndexedInput): Network {
  try {
    return knownNetwork({ layout, source })
  } catch (error) {
    throw blame(error, label)
  }
}

function usedInput(input: IndexedInput): UsedInput {
  return { input, used: usedTensors(networkOf(input)) }
}

/** Pairs the tensors of a model with the base's. @throws TureenError naming the model */
function align(base: IndexedInput, other: IndexedInput, isCarried?: IsCarried): Alignment {
  const ours = { ...base, network: networkOf(base) }
  const theirs = { ...other, network: networkOf(other) }
  try {
    const whole = alignNetworks(ours, theirs)
    if (whole.differences.length === 0 || !isCarried) return whole
    return alignBeneath(ours, theirs, whole, ({ tensor }) => tensor !== null && isCarried(tensor)) ?? whole
  } catch (error) {
    throw blame(error, other.label)
  }
}

/**
 * Lists everything in which a model is not the base's network. This includes a tensor of the base that stands for
 * several different ones.
 */
function listed(
  { differences, copies, zeros, leaves, isReordered }: Alignment,
  base: IndexedInput,
  other: IndexedInput,
): readonly Finding[] {
  const found: Finding[] = differences.map(({ kind: _kind, isHard: _isHard, ...item }) => item)
  const advice = () => sharingAdvice(base, other, isReordered)
  for (const { ours, theirs } of differences.length === 0 ? copies : []) {
    const first = leaves.get(ours)
    if (!first || first === theirs || sameLeafElements(first, other, theirs, other)) continue
    const message = `is in the same place as ${first.name}: the base has one tensor there, ${ours.name}, and this model two different ones: ${advice()}`
    found.push({ tensor: theirs.name, message })
  }
  for (const ours of differences.length === 0 ? zeros : []) {
    const theirs = leaves.get(ours)
    if (!theirs || isAllZero(theirs, other)) continue
    const message = `is in one of the places of the base's bias ${ours.name}. This model has no bias in the other places, so it would have to be all zero, and is not: ${advice()}`
    found.push({ tensor: theirs.name, message })
  }
  return atMost(found, base)
}

/** Returns the first differences, and counts the others. */
function atMost(found: readonly Finding[], base: IndexedInput): readonly Finding[] {
  if (found.length <= listedDifferences) return found
  return [
    ...found.slice(0, listedDifferences),
    { message: `and ${found.length - listedDifferences} more differences from ${base.label}` },
  ]
}

/**
 * Returns advice on tensors that the base shares in other places than a model does. Taking the model as the base helps
 * only if its shared tensors have equal values in the base.
 */
function sharingAdvice(base: IndexedInput, other: IndexedInput, isReordered: boolean): string {
  if (isReordered)
    return 'operands of commutative operators stand in another order and could be paired in several ways, so export both the same way'
  const { copies, leaves, differences } = align(other, base)
  const conflicts = copies.some(({ ours, theirs }) => {
    const first = leaves.get(ours)
    return first !== undefined && first !== theirs && !sameLeafElements(first, base, theirs, base)
  })
  return differences.length === 0 && !conflicts
    ? 'take this model as "base", or export both the same way'
    : 'each of the two shares tensors where the other has different ones, so that neither file can hold the soup: export both without shared tensors, or both with the same'
}

function requireData({ layout, data, label }: IndexedInput): void {
  requireComplete(
    label,
    [...externalLocations(layout).keys()].filter(location => !data.has(location)),
  )
}
