import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { countedPlan } from '../../src/merge/counted-plan.ts'
import type { WeightValue } from '../../src/merge/gradient.ts'
import type { MergeCounts } from '../../src/merge/merge-counts.ts'
import { defaultSettings, type IndexedInput, type MergeSettings } from '../../src/merge/merge-input.ts'
import { filesOf, type MergeInputs, mapInputs, mergeInputs } from '../../src/merge/merge-inputs.ts'
import { mergeOutcome } from '../../src/merge/merge-outcome.ts'
import { findNonFinite } from '../../src/merge/non-finite.ts'
import { planMemory } from '../../src/merge/plan-memory.ts'
import { planSource } from '../../src/merge/plan-source.ts'
import type { PlanSource } from '../../src/merge/planned-files.ts'
import { prepare } from '../../src/merge/prepare.ts'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { checkedPlan } from '../../src/threads/checked-plan.ts'
import { checkMergeFiles, type MergedModel, startMerge, type WrittenFile } from '../../src/threads/merge-task.ts'
import type { MergeFile } from '../../src/threads/open-inputs.ts'
import { checkSearchFiles } from '../../src/threads/search-check.ts'
import { checkOf, serializedCheck } from '../../src/threads/share-inputs.ts'
import { type WorkControl, workControl } from '../../src/threads/work-control.ts'

/** A model of a soup. With `sha256` two inputs can have different digests for the same bytes, so that they are compared. */
export type SoupInput = {
  bytes: Uint8Array
  /** Null for an input that is not averaged: the base, or the Fisher information of a model. */
  weight: WeightValue | null
  label?: string
  sha256?: string
}

/** `base`: index of the input whose file becomes the soup; the first by default. */
export type SoupSettings = Partial<MergeSettings> & { base?: number }

export function digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

type Named = Omit<SoupInput, 'label'> & { label: string; sha256: string }

/** Returns inputs of a merge. Inputs that are neither averaged nor the base hold the Fisher information of the models, in their order. */
function inputsOf<Input extends Named>(list: readonly Input[], base = 0): MergeInputs<Input> {
  const models = list.flatMap(input => (input.weight === null ? [] : [{ ...input, weight: input.weight }]))
  const companions = list.filter((input, index) => input.weight === null && index !== base)
  return mergeInputs(models, list[base], companions)
}

function named(inputs: readonly SoupInput[]): Named[] {
  return inputs.map(({ bytes, label, sha256, ...input }, index) => ({
    ...input,
    bytes,
    label: label ?? `model ${index}`,
    sha256: sha256 ?? digest(bytes),
  }))
}

/** Returns models in memory as indexed inputs of a merge. */
export function indexedInMemory(inputs: readonly SoupInput[], base?: number): MergeInputs<IndexedInput> {
  return mapInputs(inputsOf(named(inputs), base), ({ bytes, label, sha256 }): IndexedInput => {
    const source = memorySource(bytes)
    return { label, sha256, source, data: new Map(), layout: readLayout(source) }
  })
}

/**
 * The planned soup of models in memory, after the same checks as of files.
 * @throws TureenError if the checks find anything
 */
export function planInMemory(
  inputs: readonly SoupInput[],
  { base, ...settings }: SoupSettings = {},
): PlanSource & { counts(): MergeCounts } {
  const all = { ...defaultSettings, ...settings }
  const merge = indexedInMemory(inputs, base)
  const indexed = filesOf(merge)
  // As the thread gets it that merges the files.
  const { plan: unprepared, expected } = checkOf(serializedCheck(checkedPlan(merge, all)))
  const { plan, facts } = prepare(unprepared, indexed)
  const source = planSource(plan, indexed)
  const counts = () => {
    const computed = source.computed()
    const nonFinite = findNonFinite(plan, computed.nonFinite, indexed, planMemory())
    const { warnings: _, ...counts } = mergeOutcome(countedPlan(plan, facts), computed, nonFinite, expected)
    return counts
  }
  return { ...source, counts }
}

export function soupInMemory(inputs: readonly SoupInput[], settings: SoupSettings = {}): Buffer {
  const source = planInMemory(inputs, settings)
  return Buffer.from(readBytes(source, 0, source.byteLength))
}

/** Makes the soup of a model with itself, compared as if they were two models. */
export function selfSoup(bytes: Uint8Array): Buffer {
  return soupInMemory([
    { bytes, weight: 2, sha256: 'sha256:first' },
    { bytes, weight: 3, sha256: 'sha256:second' },
  ])
}

/** Makes a soup of files, as a worker thread does. */
export function soupOfFiles(
  inputs: readonly SoupInput[],
  { base, ...settings }: SoupSettings = {},
  control: WorkControl = workControl(),
): Omit<MergedModel, 'files'> & WrittenFile & { content: Buffer } {
  return withFiles(inputs, base, (files, directory) => {
    const output = join(directory, 'soup.onnx')
    const start = startMerge(files, { ...defaultSettings, ...settings }, output, false, control)
    const merged = 'merged' in start ? start.merged : undefined
    const [file] = merged?.files ?? []
    if (!merged || !file || merged.files.length > 1) throw new Error('the soup is not one small file')
    return { ...file, report: merged.report, content: readFileSync(output) }
  })
}

export function checkFiles(inputs: readonly SoupInput[], { base, ...settings }: SoupSettings = {}): void {
  withFiles(inputs, base, files => checkMergeFiles(files, { ...defaultSettings, ...settings }))
}

/** Checks a search over models. Each group is a rule. `base`: the model from which every soup is made, or null. */
export function checkSearch(inputs: readonly SoupInput[], groups: readonly string[], base: number | null): void {
  const rules = groups.map(match => ({ match, weights: inputs.map(() => 1) }))
  withFiles(inputs, base ?? undefined, files =>
    checkSearchFiles({ ...files, base: base === null ? null : files.base }, { ...defaultSettings, rules }),
  )
}

function withFiles<Result>(
  inputs: readonly SoupInput[],
  base: number | undefined,
  use: (files: MergeInputs<MergeFile>, directory: string) => Result,
): Result {
  const directory = mkdtempSync(join(tmpdir(), 'tureen-soup-'))
  try {
    const files = named(inputs).map((input, index) => {
      const path = join(directory, `${index}.onnx`)
      writeFileSync(path, input.bytes)
      return { ...input, path, data: [] }
    })
    const merge = mapInputs(
      inputsOf(files, base),
      ({ label, sha256, path, data }): MergeFile => ({ label, sha256, path, data }),
    )
    return use(merge, directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
