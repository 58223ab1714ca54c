import { blame, TureenError } from '../errors.ts'
import { matchInputs } from '../merge/match-inputs.ts'
import { findingsOf, type MergeFindings } from '../merge/merge-findings.ts'
import { baseOf, type IndexedInput, type MergeInput, type MergeSettings } from '../merge/merge-input.ts'
import type { Expected } from '../merge/merge-outcome.ts'
import type { MergePlan } from '../merge/merge-plan.ts'
import { mergeRules, requireRulesMet, skippedTensors } from '../merge/merge-rules.ts'
import { whyNothing } from '../merge/nothing-averaged.ts'
import { planMerge } from '../merge/plan.ts'
import { preflight } from '../merge/preflight.ts'
import { rowWarnings } from '../merge/row-warnings.ts'
import { averagedStatistics, scalerWarning } from '../merge/scaler-statistics.ts'
import { asProblem, type ValueDifference } from '../merge/value-differences.ts'
import { memorySource, readBytes } from '../onnx/byte-source.ts'
import type { Layout } from '../onnx/layout.ts'
import { readLayout } from '../onnx/read-layout.ts'
import { type FileSource, openFileSource, openReadAhead } from '../storage/file-source.ts'
import type { ModelPaths } from '../storage/model-paths.ts'

/** A merge input with the files that hold it. `isUnchecked`: no upload has checked it. */
export type MergeFile = MergeInput & ModelPaths & { isUnchecked?: boolean }

export type OpenInput = Omit<IndexedInput, 'data'> &
  Pick<MergeFile, 'isUnchecked'> & { source: FileSource; data: ReadonlyMap<string, FileSource> }

/** Opens and indexes the files of a merge; whoever opens them closes them. @throws TureenError naming the file that cannot be read */
export function openInputs(files: readonly MergeFile[], inMemory = false): OpenInput[] {
  const opened: FileSource[] = []
  const open = (path: string) => {
    const source = inMemory ? fileInMemory(path) : openReadAhead(path)
    opened.push(source)
    return source
  }
  try {
    return files.map(({ path, data, ...input }) => {
      const source = open(path)
      const layout = layoutOf(source, input.label)
      return { ...input, source, layout, data: new Map(data.map(each => [each.location, open(each.path)])) }
    })
  } catch (error) {
    for (const source of opened) source.close()
    throw error
  }
}

export function closeInputs(inputs: readonly OpenInput[]): void {
  for (const { source, data } of inputs) for (const file of [source, ...data.values()]) file.close()
}

/** How many bytes have been read of all files so far. */
export function bytesReadOf(inputs: readonly OpenInput[]): number {
  return inputs
    .flatMap(({ source, data }) => [source, ...data.values()])
    .reduce((sum, { bytesRead }) => sum + bytesRead, 0)
}

/** The plan of a merge that passed every check, and what its author should know. */
export type CheckedPlan = { plan: MergePlan; expected: Expected<MergeFindings> }

/**
 * Pairs the models' tensors, compares everything that is never averaged, and plans their merge.
 * @throws TureenError `TUREEN_MODELS_DIFFER`, `TUREEN_NON_FLOAT_DIFFERS`, with every difference; `TUREEN_RULE_UNMATCHED`, `TUREEN_BLOCKS_UNKNOWN`
 */
export function checkedPlan(inputs: readonly IndexedInput[], settings: MergeSettings): CheckedPlan {
  const isCarried = skippedTensors(inputs, settings)
  const { inputs: matched, problems: structural, warnings } = matchInputs(inputs, settings, isCarried)
  const { differences, warnings: ofValues, ...carried } = preflight(matched, settings)
  const takesBase = (difference: ValueDifference) => settings.nonFloat === 'base' && difference.canBeBase
  const refused = differences.filter(difference => !takesBase(difference))
  const problems = [...structural, ...refused.map(asProblem)]
  if (structural.length > 0) {
    throw new TureenError(
      'TUREEN_MODELS_DIFFER',
      'The models are not one network: they differ in more than their weights. Export them in the same way. `errors` lists every difference.',
      problems,
    )
  }
  if (problems.length > 0) {
    throw new TureenError(
      'TUREEN_NON_FLOAT_DIFFERS',
      'The models agree in structure, but differ in values that are never averaged. To take those of the base, send "nonFloat": "base".',
      problems,
    )
  }
  const rules = mergeRules(matched, settings, carried.averaged, isCarried)
  requireRulesMet(rules.reports)
  const plan = planMerge(matched, settings, carried, rules)
  const statistics = scalerWarning(averagedStatistics(plan, matched))
  const findings = findingsOf(
    [
      ...(settings.notes ?? []),
      ...warnings.map(({ model, message }) => `${model} ${message}`),
      ...ofValues,
      ...rules.warnings,
      ...(statistics ? [statistics] : []),
      ...rowWarnings(plan),
    ],
    differences.filter(takesBase),
    settings.rules.length > 0 ? rules.reports : undefined,
  )
  const { onNonFinite } = settings
  return {
    plan,
    expected: { findings, whyNothing: whyNothing(plan, baseOf(inputs, settings)), onNonFinite },
  }
}

function fileInMemory(path: string): FileSource {
  const file = openFileSource(path)
  try {
    const bytes = readBytes(file, 0, file.byteLength)
    return { ...memorySource(bytes), bytesRead: bytes.byteLength, close: () => undefined }
  } finally {
    file.close()
  }
}

function layoutOf(source: FileSource, label: string): Layout {
  try {
    return readLayout(source)
  } catch (error) {
    throw blame(error, label)
  }
}
