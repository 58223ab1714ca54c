import { countedPlan } from '../../src/merge/counted-plan.ts'
import { startPosition } from '../../src/merge/gradient.ts'
import { mergeCounts } from '../../src/merge/merge-counts.ts'
import type { MergeSettings } from '../../src/merge/merge-input.ts'
import type { MergePlan, PlannedTensor } from '../../src/merge/merge-plan.ts'
import type { TensorFacts } from '../../src/merge/method-report.ts'
import { methodSettings } from '../../src/merge/method-settings.ts'
import { plannedFile } from '../../src/merge/plan-parts.ts'
import { planSource } from '../../src/merge/plan-source.ts'
import type { PlanSource } from '../../src/merge/planned-files.ts'
import { prepare } from '../../src/merge/prepare.ts'
import { noRule } from '../../src/merge/rule-match.ts'
import { tensorOperations } from '../../src/merge/tensor-operations.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import type { RowLayout } from '../../src/tensor/row-layout.ts'

/** A tensor as little-endian elements: in each model, in the base, in the Fisher information of each model. */
export type TestTensor = {
  name: string
  dtype: string
  dims: number[]
  elements: number
  /** Rows that a merge method ranks; the last axis by default. */
  rows?: RowLayout | undefined
  models: Uint8Array[]
  base?: Uint8Array | undefined
  fishers?: Uint8Array[] | undefined
}

export type TensorMerge = {
  method: string
  parameters?: Record<string, unknown>
  normalize?: boolean
  weights?: number[]
  tensors: TestTensor[]
}

const codes: Record<string, number> = { float32: 1, float16: 10, float64: 11, bfloat16: 16, float8e4m3fn: 17 }

/** Merges tensors without a model. The result is their elements, one tensor after the other. */
export function tensorMerge({ method, parameters = {}, normalize, weights, tensors }: TensorMerge): {
  source: PlanSource
  facts(): TensorFacts[]
} {
  const [first] = tensors
  if (!first) throw new Error('there is no tensor')
  const each = weights ?? first.models.map(() => 1)
  const choice = { method, parameters, rules: [], ...(normalize === undefined ? {} : { normalize }) }
  const given = { weights: each, hasBase: first.base !== undefined, fishers: first.fishers?.length ?? 0 }
  const settings: Omit<MergeSettings, 'base'> = {
    ...methodSettings(choice, given),
    nonFloat: 'error',
    provenance: false,
  }
  const operations = tensorOperations(each, settings)
  const sourcesOf = ({ models, base, fishers }: TestTensor) => [...models, ...(base ? [base] : []), ...(fishers ?? [])]
  const count = sourcesOf(first).length
  const files = Array.from({ length: count }, (_, index) =>
    Buffer.concat(tensors.map(tensor => sourcesOf(tensor)[index] ?? new Uint8Array(0))),
  )
  let offset = 0
  const planned = tensors.map((tensor): PlannedTensor => {
    const { name, dtype, dims, elements, rows: layout } = tensor
    const length = tensor.models[0]?.byteLength ?? 0
    const operation = operations.of(null, startPosition)
    if (!operation) throw new Error('a tensor is skipped')
    const payload = { form: 'raw', start: offset, offset, length } as const
    offset += length
    const entry = { name, path: name, frame: -1, dataType: codes[dtype] ?? 0, dims, elements, payload }
    const rows = layout ? { rows: { layout, reason: 'operator' } as const } : {}
    return {
      name,
      dtype,
      output: dtype,
      dims,
      elements,
      position: startPosition,
      ...rows,
      rule: noRule,
      sources: files.map(() => entry),
      operation,
    }
  })
  const plan: MergePlan = {
    main: plannedFile(
      planned.map(({ sources }, tensor) => {
        const payload = sources[0]?.payload
        return { kind: 'tensor', tensor, from: 0, length: payload?.form === 'raw' ? payload.length : 0 }
      }),
    ),
    data: new Map(),
    tensors: planned,
    inputs: files.map((_, index) => index),
    models: each.length,
    base: 0,
    carried: { identical: 0, nonFloat: 0, elements: 0 },
    kept: [],
  }
  const inputs = files.map((bytes, index) => ({
    source: memorySource(bytes),
    data: new Map(),
    label: `source ${index}`,
  }))
  const prepared = prepare(plan, inputs)
  const source = planSource(prepared.plan, inputs)
  const facts = () =>
    mergeCounts(countedPlan(prepared.plan, prepared.facts), source.computed(), 0).method?.tensors ?? []
  return { source, facts }
}
