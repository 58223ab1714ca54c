import type { OnNonFinite, OutputDtype } from '../../schemas/merge.ts'
import type { RecalibrationRecipe } from '../../schemas/recalibration.ts'
import type { Layout } from '../onnx/layout.ts'
import { StringStringEntryProto } from '../onnx/onnx-proto.ts'
import { type BytesPart, bytesPart, type Edit } from '../onnx/splice.ts'
import { encodeTag, encodeVarint, wireType } from '../onnx/wire.ts'
import type { WeightValue } from './gradient.ts'
import type { MergeInput, MergeSettings } from './merge-input.ts'
import type { MergeInputs } from './merge-inputs.ts'
import type { ParameterValues } from './operation.ts'
import type { TensorRule } from './tensor-rule.ts'

/** Changes when the same recipe over the same inputs may give other bytes than before. */
export const numericsVersion = 2

const keyPrefix = 'tureen.'
const metadataPropsField = 14

/** A recipe in the words of `POST /v1/merges`: models by digest, without ids, names or times. */
export type RecipeDocument = {
  method: string
  parameters?: ParameterValues
  models: { id: string; weight: WeightValue; fisher?: string }[]
  base?: string
  normalize?: boolean
  rules?: readonly TensorRule[]
  outputDtype?: OutputDtype
  onNonFinite?: OnNonFinite
  nonFloat: 'error' | 'base'
  provenance: boolean
  recalibrate?: RecalibrationRecipe
  /** Digest of the export of a conversion; absent for merges. */
  export?: string
}

/** Returns the recipe that gives the same bytes when it is posted again. */
export function recipeDocument(inputs: MergeInputs<MergeInput>, settings: MergeSettings): RecipeDocument {
  const {
    method,
    parameters,
    normalize,
    rules,
    usesBase,
    outputDtype,
    onNonFinite,
    nonFloat,
    provenance,
    recalibrate,
  } = settings
  const models = inputs.models.map(({ sha256, weight }, index) => {
    const fisher = inputs.companions[index]?.sha256
    return { id: sha256, weight, ...(fisher === undefined ? {} : { fisher }) }
  })
  const base = inputs.base.sha256
  return {
    method,
    ...(Object.keys(parameters).length > 0 ? { parameters } : {}),
    models,
    ...(base === models[0]?.id && !usesBase ? {} : { base }),
    ...(normalize === null ? {} : { normalize }),
    ...(rules.length > 0 ? { rules } : {}),
    ...(outputDtype ? { outputDtype } : {}),
    ...(onNonFinite === 'fail' ? { onNonFinite } : {}),
    nonFloat,
    provenance,
    ...(recalibrate ? { recalibrate } : {}),
  }
}

/**
 * Returns edits that replace the metadata_props of a soup: its recipe and the numerics version instead of the base's.
 */
export function provenanceEdits(
  base: Layout,
  inputs: MergeInputs<MergeInput>,
  settings: MergeSettings,
): Edit<BytesPart>[] {
  return settings.provenance ? recipeEdits(base, recipeDocument(inputs, settings)) : []
}

/** Returns edits that give a model made from `base` the metadata_props of a recipe. */
export function recipeEdits(base: Layout, recipe: RecipeDocument): Edit<BytesPart>[] {
  const removed = base.metadata
    .filter(({ key }) => key.startsWith(keyPrefix))
    .map(({ span }): Edit<BytesPart> => ({ ...span, frame: -1, parts: [] }))
  const entries = [
    { key: `${keyPrefix}recipe`, value: JSON.stringify(recipe) },
    { key: `${keyPrefix}numerics`, value: String(numericsVersion) },
  ]
  const parts = entries.flatMap(entry => {
    const bytes = Uint8Array.from(StringStringEntryProto.encode(entry).finish())
    return [
      bytesPart(encodeTag(metadataPropsField, wireType.bytes)),
      bytesPart(encodeVarint(bytes.byteLength)),
      bytesPart(bytes),
    ]
  })
  return [...removed, { start: base.byteLength, end: base.byteLength, frame: -1, parts }]
}
