import type { OutputDtype } from '../../schemas/merge.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import { type TypeClass, typeClasses } from '../onnx/graph/type-classes.ts'
import { isAttributeFloats, type TensorEntry } from '../onnx/layout.ts'
import { decodeSkeleton } from '../onnx/skeleton.ts'
import { type BytesPart, bytesPart, type Edit } from '../onnx/splice.ts'
import { typeCodeSpans } from '../onnx/type-codes.ts'
import { encodeVarint } from '../onnx/wire.ts'
import { dtypeCode, dtypeName } from '../tensor/dtype.ts'
import type { IndexedInput } from './merge-input.ts'

/** Reasons beyond this many are counted, not listed. */
const listedReasons = 20

/**
 * The change of a model whose weights get another type. No node is added, so every value that must share their type
 * changes too.
 */
export type TypeChange = {
  dtype: OutputDtype
  /** Paths of the tensors whose elements are stored in the new type. */
  tensors: ReadonlySet<string>
  /** Edits that replace the old type by the new one wherever the file states it. */
  edits: Edit<BytesPart>[]
}

/** The change of a merge in which every tensor keeps its type. */
export const unchanged: TypeChange = { dtype: 'float32', tensors: new Set(), edits: [] }

/**
 * Plans the change of the weights' types.
 * @param weights paths of the weights in the base
 * @throws TureenError `TUREEN_OUTPUT_DTYPE_IMPOSSIBLE` naming the nodes and tensors that cannot have that type
 */
export function typeChange(base: IndexedInput, weights: ReadonlySet<string>, dtype: OutputDtype): TypeChange {
  const { layout, source, label } = base
  const byPath = new Map(layout.tensors.map(tensor => [tensor.path, tensor]))
  const started = layout.tensors.filter(({ path, dataType }) => weights.has(path) && dtypeName(dataType) !== dtype)
  if (started.length === 0) return unchanged
  const model = decodeSkeleton(layout)
  const problems: ProblemItem[] = []
  if (model.trainingInfo.length > 0)
    problems.push({ model: label, message: 'the model holds a training graph, whose types are not followed' })
  const classes = typeClasses(model)
  const changed = new Set<TypeClass>()
  for (const tensor of started) {
    const own = classes.get(tensor.path)
    if (own) changed.add(own)
    else problems.push({ model: label, ...named(tensor), message: whyFixed(tensor) })
  }
  const paths = new Set<string>()
  const codes = new Set<string>()
  for (const { tensors, statements, limits } of changed) {
    for (const { node, admits, message } of limits)
      if (!admits.includes(dtype)) problems.push({ model: label, node, message })
    const entries = tensors.flatMap(path => byPath.get(path) ?? [])
    for (const tensor of entries) {
      paths.add(tensor.path)
      const message = `is ${dtypeName(tensor.dataType)} where others of its type are ${dtypeName(entries[0]?.dataType ?? 0)}`
      if (tensor.dataType !== entries[0]?.dataType) problems.push({ model: label, ...named(tensor), message })
    }
    for (const path of [...tensors, ...statements]) codes.add(path)
  }
  if (problems.length > 0) throw impossible(dtype, problems)
  const edits = typeCodeSpans(source, codes).map(({ start, end }): Edit<BytesPart> => {
    return { start, end, frame: -1, parts: [bytesPart(encodeVarint(dtypeCode(dtype), end - start))] }
  })
  return { dtype, tensors: paths, edits }
}

function whyFixed({ path }: TensorEntry): string {
  if (isAttributeFloats(path)) return 'is written as plain floats of an attribute, which are always float32'
  return 'is in a place where types are not followed, such as a function'
}

function impossible(dtype: string, problems: ProblemItem[]): TureenError {
  const listed = problems.slice(0, listedReasons)
  const others = problems.length - listed.length
  const reasons = listed.map(({ node, tensor, message }) => `${node ?? tensor ?? 'the graph'} ${message}`)
  return new TureenError(
    'TUREEN_OUTPUT_DTYPE_IMPOSSIBLE',
    `The graph does not take weights of type ${dtype}: ${reasons.join('; ')}${others > 0 ? `; and ${others} more` : ''}. Leave outputDtype out, or take another type.`,
    listed,
  )
}

function named({ name, path }: TensorEntry): { tensor: string } {
  return { tensor: name || path }
}
