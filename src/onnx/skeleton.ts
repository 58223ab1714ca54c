import { TureenError } from '../errors.ts'
import { dtypeName, dtypeOf, rawBytes } from '../tensor/dtype.ts'
import { type Layout, storageOf, type TensorEntry } from './layout.ts'
import { NameReader } from './names.ts'
import { ModelProto, type TypeProto, type ValueInfoProto } from './onnx-proto.ts'

/** A dimension: its size, its symbolic name, or null if the model leaves it open. */
export type Dimension = number | string | null

export type ValueDescription = { name: string; dtype: string; dims: Dimension[] | null }

/** The description of a model file in the API. */
export type ModelDescription = {
  bytes: number
  /** Null for a checkpoint. */
  irVersion: number | null
  producer: string | null
  opsets: { domain: string; version: number }[]
  inputs: ValueDescription[]
  outputs: ValueDescription[]
  /**
   * Elements of all float tensors that a soup averages, except scalars (numbers of the arithmetic, such as an epsilon).
   */
  parameters: number
  tensorCount: number
  dtypes: Record<string, number>
  /** Locations of external data that the file names, sorted. */
  externalData: string[]
}

export type TensorDescription = {
  name: string
  dtype: string
  dims: number[]
  bytes: number
  storage: 'raw' | 'typed' | 'external' | 'none'
  where: string
}

/**
 * Decodes the model's structure with onnx-proto.
 *
 * @throws TureenError `TUREEN_MODEL_MALFORMED`
 */
export function decodeSkeleton(layout: Layout): ModelProto {
  const model = decode(layout)
  const irVersion = Number(model.irVersion)
  if (model.opsetImport.length === 0 && (irVersion < 1 || irVersion > 2)) {
    throw new TureenError(
      'TUREEN_MODEL_MALFORMED',
      'The model imports no operator set, which only IR versions 1 and 2 may leave out. Perhaps its end was cut off. Export or download it again.',
      [{ field: 'opset_import', expected: 'an operator set', message: 'imports no operator set' }],
    )
  }
  return model
}

function decode(layout: Layout): ModelProto {
  try {
    return ModelProto.decode(new NameReader(layout.skeleton))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new TureenError(
      'TUREEN_MODEL_MALFORMED',
      `The model's structure cannot be decoded: ${reason}. Export or download it again.`,
      [{ actual: reason, message: 'has a structure that cannot be decoded' }],
    )
  }
}

/** Describes a model from its layout and its decoded structure. `averaged`: paths of the tensors that soups average. */
export function describeModel(layout: Layout, model: ModelProto, averaged: ReadonlySet<string>): ModelDescription {
  const { graph } = model
  const initializers = new Set(graph?.initializer?.map(({ name }) => name))
  return {
    ...describeWeights(layout, averaged),
    irVersion: Number(model.irVersion),
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(' ') || null,
    opsets: model.opsetImport.map(({ domain, version }) => ({ domain: domain ?? '', version: Number(version ?? 0) })),
    inputs: (graph?.input ?? []).filter(({ name }) => !initializers.has(name)).map(describeValue),
    outputs: (graph?.output ?? []).map(describeValue),
  }
}

/** Describes the tensors of a model or a checkpoint. `averaged`: paths of the tensors that soups average. */
export function describeWeights(
  layout: Layout,
  averaged: ReadonlySet<string>,
): Pick<ModelDescription, 'bytes' | 'parameters' | 'tensorCount' | 'dtypes' | 'externalData'> {
  const dtypes = new Map<string, number>()
  const externalData = new Set<string>()
  let parameters = 0
  for (const tensor of layout.tensors) {
    const name = dtypeName(tensor.dataType)
    dtypes.set(name, (dtypes.get(name) ?? 0) + 1)
    if (averaged.has(tensor.path) && (tensor.dims.length > 0 || layout.checkpoint)) parameters += tensor.elements
    if (tensor.payload.form === 'external') externalData.add(tensor.payload.location)
  }
  return {
    bytes: layout.byteLength,
    parameters,
    tensorCount: layout.tensors.length,
    dtypes: Object.fromEntries([...dtypes].sort()),
    externalData: [...externalData].sort(),
  }
}

/** Describes one tensor of a model. `bytes`: the size of the elements as raw_data. */
export function describeTensor(tensor: TensorEntry): TensorDescription {
  const dtype = dtypeOf(tensor.dataType)
  const strings = tensor.payload.form === 'strings' ? tensor.payload.values : []
  return {
    name: tensor.name,
    dtype: dtypeName(tensor.dataType),
    dims: tensor.dims,
    bytes: strings.reduce((sum, { start, end }) => sum + end - start, dtype ? rawBytes(dtype, tensor.elements) : 0),
    storage: storageOf(tensor.payload),
    where: tensor.path,
  }
}

/** Describes an input or output: its name, type and dims. */
export function describeValue(value: ValueInfoProto): ValueDescription {
  const { type } = value
  const name = value.name ?? ''
  const shape = (type?.tensorType ?? type?.sparseTensorType)?.shape
  const dims = shape
    ? (shape.dim ?? []).map(
        dim => dim.dimParam || (Object.hasOwn(dim, 'dimValue') ? sizeOf(Number(dim.dimValue), name) : null),
      )
    : null
  return { name, dtype: typeName(type), dims }
}

/** Returns a size of the input or output `name`. Beyond 53 bits, its record could not be read again. */
function sizeOf(size: number, name: string): number {
  if (Number.isSafeInteger(size)) return size
  const message = `has a dimension of ${size}`
  throw new TureenError(
    'TUREEN_MODEL_MALFORMED',
    `The input or output ${name} ${message}; sizes have at most 53 bits. Export or download the model again.`,
    [{ tensor: name, expected: 'a size of at most 53 bits', actual: `${size}`, message }],
  )
}

function typeName(type: TypeProto | null | undefined): string {
  if (type?.tensorType) return dtypeName(type.tensorType.elemType ?? 0)
  if (type?.sparseTensorType) return `sparse(${dtypeName(type.sparseTensorType.elemType ?? 0)})`
  if (type?.sequenceType) return `sequence(${typeName(type.sequenceType.elemType)})`
  if (type?.optionalType) return `optional(${typeName(type.optionalType.elemType)})`
  if (type?.mapType) return `map(${dtypeName(type.mapType.keyType ?? 0)}, ${typeName(type.mapType.valueType)})`
  return 'unknown'
}
