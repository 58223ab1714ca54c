import { TureenError } from '../errors.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { largestFile } from '../onnx/model-limits.ts'
import { splice } from '../onnx/splice.ts'
import { dtypeName } from '../tensor/dtype.ts'
import { floatFormat } from '../tensor/float-format.ts'
import { checkpointFile, checkpointTypes } from './checkpoint-file.ts'
import { networkOf } from './match-inputs.ts'
import type { MatchedInput } from './matched-input.ts'
import type { MergeSettings } from './merge-input.ts'
import { filesOf, type MergeInputs, placeOfBase, placesOfCompanions } from './merge-inputs.ts'
import type { MergePlan, PlannedTensor } from './merge-plan.ts'
import { methodNamed } from './methods/merge-method-registry.ts'
import type { Operation } from './operation.ts'
import { plannedFile, type RetypedPart, type TensorPart } from './plan-parts.ts'
import { planPositions } from './plan-positions.ts'
import type { Preflight } from './preflight.ts'
import { provenanceEdits } from './provenance.ts'
import { noRule, ruleOf } from './rule-match.ts'
import type { RuleResolution } from './rule-resolution.ts'
import { tensorOperations } from './tensor-operations.ts'
import { tensorPlaces } from './tensor-places.ts'
import { tensorRows } from './tensor-rows.ts'
import { typeChange, unchanged } from './type-change.ts'

/**
 * Plans a merge of models that passed the structure comparison and the preflight. Pure. Reads no payload, except
 * tensors whose block must be known.
 *
 * @throws TureenError `TUREEN_WEIGHTS_INVALID`, `TUREEN_OUTPUT_DTYPE_IMPOSSIBLE`, `TUREEN_BLOCKS_UNKNOWN`,
 * `TUREEN_MODELS_DIFFER`; `TUREEN_MODEL_UNSUPPORTED` if different tensors share bytes of a data file, or if one file
 * would be too large
 */
export function planMerge(
  inputs: MergeInputs<MatchedInput>,
  settings: MergeSettings,
  { averaged: weights, identical }: Pick<Preflight, 'averaged' | 'identical'>,
  { matches }: Pick<RuleResolution, 'matches'> = { matches: new Map() },
): MergePlan {
  const { models, base } = inputs
  const operations = tensorOperations(
    models.map(({ weight }) => weight),
    settings,
  )
  const files = filesOf(inputs)
  const beside = settings.usesBase ? [placeOfBase(inputs)] : placesOfCompanions(inputs)
  const sourced = [...models.keys(), ...beside]
  const positions = planPositions(inputs, settings, ({ path }) => weights.has(path))
  // Planned for any parameters: a search may try others with the same plan.
  const rowsOf = methodNamed(settings.method).needs.includes('ranks') ? tensorRows(networkOf(base)) : null
  const tensors: PlannedTensor[] = []
  const { checkpoint } = base.layout
  const changeTypes = checkpoint ? checkpointTypes : typeChange
  const change = settings.outputDtype ? changeTypes(base, weights, settings.outputDtype) : unchanged
  const retypes = change.tensors.size > 0
  const isRewritten = checkpoint && (retypes || settings.inline || checkpoint.format === 'torch')
  const newFile = isRewritten ? checkpointFile(base, change) : null
  const places = newFile ?? tensorPlaces(base, settings.inline ?? false, retypes)
  const carried = { identical: 0, nonFloat: 0, elements: 0 }
  const kept: MergePlan['kept'] = []
  for (const tensor of base.layout.tensors) {
    const isWeight = weights.has(tensor.path)
    const name = tensor.name || tensor.path
    const sources = sourced.flatMap(index => files[index]?.counterpart(tensor) ?? [])
    const position = positions.of(tensor)
    // A tensor that no output depends on may be missing in some models; then the base's is kept.
    const match = matches.get(tensor)?.match ?? noRule
    const rule = ruleOf(match)
    const operation = isWeight && sources.length === sourced.length ? operations.of(rule, position) : null
    const dtype = dtypeName(tensor.dataType)
    const output = change.tensors.has(tensor.path) ? change.dtype : dtype
    const isRetyped = output !== dtype
    const isIdentical = operation !== null && !isRetyped && identical.has(tensor.path) && keepsIdentical(operation)
    if (isIdentical) carried.elements += tensor.elements
    if (!operation || isIdentical) {
      carried[isWeight ? 'identical' : 'nonFloat'] += 1
      if (isWeight) kept.push({ tensor, output, isSkipped: !isIdentical })
      places.put(tensor, isRetyped ? retypedPart(tensor, output) : null, isRetyped, [])
      continue
    }
    if (operations.runsByBlock(rule)) positions.require(tensor, keepsIdentical(operation))
    const { dims, elements } = tensor
    const part: TensorPart = { kind: 'tensor', tensor: tensors.length, from: 0, length: bytesOf(tensor, output) }
    if (!places.put(tensor, part, isRetyped, sources)) continue
    const rows = rowsOf ? { rows: rowsOf(tensor) } : {}
    tensors.push({ name, dtype, output, dims, elements, position, ...rows, rule: match, sources, operation })
  }
  positions.requireAll()
  const { edits, data } = places.finish()
  // A checkpoint keeps its texts: it has no place for the recipe of a soup.
  const provenance = checkpoint ? [] : provenanceEdits(base.layout, inputs, settings)
  const main = newFile?.main() ?? plannedFile(splice(base.layout, [...edits, ...change.edits, ...provenance]))
  if (settings.inline && !checkpoint) requireOneFile(main.byteLength)
  return {
    main,
    data,
    tensors,
    inputs: sourced,
    models: models.length,
    base: placeOfBase(inputs),
    carried,
    kept,
  }
}

/** Returns the bytes of a tensor's elements in a floating-point type. */
function bytesOf({ elements }: TensorEntry, dtype: string): number {
  return elements * floatFormat(dtype).bytes
}

function retypedPart(tensor: TensorEntry, dtype: string): RetypedPart {
  return { kind: 'retyped', tensor, dtype, from: 0, length: bytesOf(tensor, dtype) }
}

/** True if a tensor that is the same in every model is copied. */
function keepsIdentical(operation: Operation): boolean {
  if (operation.kind === 'sum') return operation.sum.keepIdentical
  return !methodNamed(operation.method).movesIdentical(operation.settings)
}

function requireOneFile(bytes: number): void {
  if (bytes <= largestFile) return
  throw new TureenError(
    'TUREEN_MODEL_UNSUPPORTED',
    `As one file the model would have ${bytes} bytes, and protobuf takes ${largestFile}. Download it with its data files instead.`,
    [
      {
        field: 'external',
        expected: `${largestFile} bytes at most`,
        actual: `${bytes} bytes`,
        message: 'is larger than one file may be',
      },
    ],
  )
}
