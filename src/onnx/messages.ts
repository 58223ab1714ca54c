/** The messages of ONNX that may hold tensors, structure or references. The reader descends into all of them. */
export type MessageKind =
  | 'Model'
  | 'Graph'
  | 'Node'
  | 'Attribute'
  | 'Tensor'
  | 'SparseTensor'
  | 'Function'
  | 'TrainingInfo'
  | 'ValueInfo'
  | 'Type'
  | 'TensorType'
  | 'ElementType'
  | 'MapType'
  | 'Shape'
  | 'Dimension'
  | 'Entry'
  | 'OperatorSet'
  | 'TensorAnnotation'

/**
 * How the reader treats a field:
 * - a message kind: descends into it;
 * - `text`: short text in the skeleton, for names that other places refer to;
 * - `title`: text that nothing refers to: kept if short, compared in the file if long;
 * - `origin`: the maker of the model, never compared: kept if short;
 * - `value`: an attribute's value: kept if short, compared in the file if long;
 * - `payload`: a tensor's elements: located, never kept;
 * - `ignored`: doc strings and metadata: copied from the base, never compared;
 * - `undecoded`: fields newer than ONNX 1.10, which onnx-proto 8.0.1 does not know: compared byte by byte, like unknown
 *   fields.
 */
export type FieldRole = MessageKind | 'text' | 'title' | 'origin' | 'value' | 'payload' | 'ignored' | 'undecoded'

type FieldTable = Record<number, readonly [name: string, role: FieldRole]>

/** ONNX's messages on the wire, by field number (onnx.proto of ONNX 1.10 to 1.20; IR versions 1 to 14). */
export const messages: Record<MessageKind, FieldTable> = {
  Model: {
    1: ['ir_version', 'text'],
    2: ['producer_name', 'origin'],
    3: ['producer_version', 'origin'],
    4: ['domain', 'title'],
    5: ['model_version', 'text'],
    6: ['doc_string', 'ignored'],
    7: ['graph', 'Graph'],
    8: ['opset_import', 'OperatorSet'],
    14: ['metadata_props', 'ignored'],
    20: ['training_info', 'TrainingInfo'],
    25: ['functions', 'Function'],
    26: ['configuration', 'undecoded'],
  },
  Graph: {
    1: ['node', 'Node'],
    2: ['name', 'title'],
    5: ['initializer', 'Tensor'],
    10: ['doc_string', 'ignored'],
    11: ['input', 'ValueInfo'],
    12: ['output', 'ValueInfo'],
    13: ['value_info', 'ValueInfo'],
    14: ['quantization_annotation', 'TensorAnnotation'],
    15: ['sparse_initializer', 'SparseTensor'],
    16: ['metadata_props', 'ignored'],
  },
  Node: {
    1: ['input', 'text'],
    2: ['output', 'text'],
    3: ['name', 'text'],
    4: ['op_type', 'text'],
    5: ['attribute', 'Attribute'],
    6: ['doc_string', 'ignored'],
    7: ['domain', 'text'],
    8: ['overload', 'undecoded'],
    9: ['metadata_props', 'ignored'],
    10: ['device_configurations', 'undecoded'],
  },
  Attribute: {
    1: ['name', 'text'],
    2: ['f', 'value'],
    3: ['i', 'value'],
    4: ['s', 'value'],
    5: ['t', 'Tensor'],
    6: ['g', 'Graph'],
    7: ['floats', 'value'],
    8: ['ints', 'value'],
    9: ['strings', 'value'],
    10: ['tensors', 'Tensor'],
    11: ['graphs', 'Graph'],
    13: ['doc_string', 'ignored'],
    14: ['tp', 'Type'],
    15: ['type_protos', 'Type'],
    20: ['type', 'text'],
    21: ['ref_attr_name', 'text'],
    22: ['sparse_tensor', 'SparseTensor'],
    23: ['sparse_tensors', 'SparseTensor'],
  },
  Tensor: {
    1: ['dims', 'text'],
    2: ['data_type', 'text'],
    3: ['segment', 'undecoded'],
    4: ['float_data', 'payload'],
    5: ['int32_data', 'payload'],
    6: ['string_data', 'payload'],
    7: ['int64_data', 'payload'],
    8: ['name', 'text'],
    9: ['raw_data', 'payload'],
    10: ['double_data', 'payload'],
    11: ['uint64_data', 'payload'],
    12: ['doc_string', 'ignored'],
    13: ['external_data', 'Entry'],
    14: ['data_location', 'text'],
    16: ['metadata_props', 'ignored'],
  },
  SparseTensor: { 1: ['values', 'Tensor'], 2: ['indices', 'Tensor'], 3: ['dims', 'text'] },
  Function: {
    1: ['name', 'text'],
    4: ['input', 'text'],
    5: ['output', 'text'],
    6: ['attribute', 'text'],
    7: ['node', 'Node'],
    8: ['doc_string', 'ignored'],
    9: ['opset_import', 'OperatorSet'],
    10: ['domain', 'text'],
    11: ['attribute_proto', 'undecoded'],
    12: ['value_info', 'undecoded'],
    13: ['overload', 'undecoded'],
    14: ['metadata_props', 'ignored'],
  },
  TrainingInfo: {
    1: ['initialization', 'Graph'],
    2: ['algorithm', 'Graph'],
    3: ['initialization_binding', 'Entry'],
    4: ['update_binding', 'Entry'],
  },
  ValueInfo: {
    1: ['name', 'text'],
    2: ['type', 'Type'],
    3: ['doc_string', 'ignored'],
    4: ['metadata_props', 'ignored'],
  },
  Type: {
    1: ['tensor_type', 'TensorType'],
    4: ['sequence_type', 'ElementType'],
    5: ['map_type', 'MapType'],
    6: ['denotation', 'title'],
    7: ['opaque_type', 'undecoded'],
    8: ['sparse_tensor_type', 'TensorType'],
    9: ['optional_type', 'ElementType'],
  },
  TensorType: { 1: ['elem_type', 'text'], 2: ['shape', 'Shape'] },
  ElementType: { 1: ['elem_type', 'Type'] },
  MapType: { 1: ['key_type', 'text'], 2: ['value_type', 'Type'] },
  Shape: { 1: ['dim', 'Dimension'] },
  Dimension: { 1: ['dim_value', 'text'], 2: ['dim_param', 'text'], 3: ['denotation', 'title'] },
  Entry: { 1: ['key', 'text'], 2: ['value', 'text'] },
  OperatorSet: { 1: ['domain', 'text'], 2: ['version', 'text'] },
  TensorAnnotation: { 1: ['tensor_name', 'text'], 2: ['quant_parameter_tensor_names', 'Entry'] },
}

/** Undecoded fields that may hold tensors, and with them references to external data. */
export const undecodedWithTensors: ReadonlyMap<string, MessageKind> = new Map([
  ['Function.attribute_proto', 'Attribute'],
])

/**
 * Messages that may occur once in their parent. Protobuf merges several parts of one; onnx-proto would keep only the
 * last part.
 */
export const singularMessages: Readonly<Partial<Record<MessageKind, ReadonlySet<string>>>> = {
  Model: new Set(['graph']),
  Attribute: new Set(['t', 'g', 'tp', 'sparse_tensor']),
  SparseTensor: new Set(['values', 'indices']),
  TrainingInfo: new Set(['initialization', 'algorithm']),
  ValueInfo: new Set(['type']),
  Type: new Set(['tensor_type', 'sequence_type', 'map_type', 'sparse_tensor_type', 'optional_type']),
  TensorType: new Set(['shape']),
  ElementType: new Set(['elem_type']),
  MapType: new Set(['value_type']),
}

/** Field numbers of a tensor. */
export const tensorFields = {
  dims: 1,
  dataType: 2,
  floatData: 4,
  int32Data: 5,
  stringData: 6,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
  externalData: 13,
  dataLocation: 14,
} as const
