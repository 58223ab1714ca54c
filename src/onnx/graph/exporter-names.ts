/**
 * Names that exporters number themselves, for tensors without a name in the framework. They mean nothing in another
 * file, where the same number can be another tensor.
 */
const countedTensors: readonly RegExp[] = [
  // PyTorch: 617 until 1.10, onnx::MatMul_263 since then; val_12 and _val_12 from the exporter based on torch.export.
  /^_?\d+$/,
  /^onnx::\w+$/,
  /^_?val_\d+$/,
  // PyTorch: results of folded nodes, /layers.0/Transpose_output_0 and /Constant_3_output_0.
  /(^|[./])[A-Z]\w*_output_\d+$/,
  // tf2onnx: const_fold_opt__23, new_shape__12, Const_6, Const:0.
  /__\d+(:\d+)?$/,
  /(^|[./])const(ant)?_?\d*(:\d+)?$/i,
  // CNTK's Parameter1193, TensorFlow's Variable_1, and converters that number tensors: tensor_12, _v_12.
  /^_?(tensor|initializer|param|parameter|var|variable|node)_?\d+$/i,
  /^_v_\d+$/,
  // onnxruntime: initializers that it found to be equal.
  /^ortshared_/,
]

/** True if an exporter numbered a tensor, so that the name says nothing about it. */
export function isCountedTensor(name: string): boolean {
  // A tensor of an attribute may have its path as a name.
  return name === '' || /\](\.\w+)?$/.test(name) || countedTensors.some(pattern => pattern.test(name))
}

/**
 * True if an exporter named a node: the operator, with or without a number (MatMul_93, /Add_1), or PyTorch's
 * node_linear_2.
 */
export function isCountedNode(name: string): boolean {
  const bare = name.startsWith('/') ? name.slice(1) : name
  return /__\d+$/.test(bare) || /^(node_[^./]*|[A-Z][A-Za-z]*\d*(_\d+)?)$/.test(bare)
}
