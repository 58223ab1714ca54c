/** True if elements of a type are whole numbers, which may be class labels. Bools count as 0 and 1. */
export function isInteger(dtype: string): boolean {
  return /^(u?int\d+|bool)$/.test(dtype)
}

/** True if elements of a type are texts. Scoring takes texts as class labels. */
export function isText(dtype: string): boolean {
  return dtype === 'string'
}

/** True if values of a type certainly have no elements to score. False for unknown types. */
export function hasNoElements(dtype: string): boolean {
  return /^(complex|sequence\(|map\(|sparse\(|optional\()/.test(dtype)
}

/** True if values of a type are sequences of maps, as ZipMap makes of probabilities. */
export function isMaps(dtype: string): boolean {
  return dtype.startsWith('sequence(map(')
}

/** True if onnxruntime-node cannot pass tensors of a type to or from Node. False for unknown types. */
export function isNotExchanged(dtype: string): boolean {
  return /^(bfloat16|float8\w+|float4\w+|u?int[24]|complex\d+)$/.test(dtype)
}

/**
 * True if onnxruntime-node opens a model with an input or output of this type. It ends the process when it passes tensors of 4-bit integers,
 * but opens models that have them.
 */
export function isOpened(dtype: string): boolean {
  return !isNotExchanged(dtype) || /^u?int4$/.test(dtype)
}

/** Returns the kind of an element type: bool, string, integer, or float for all others. */
export function dtypeKind(dtype: string): string {
  if (dtype === 'bool' || isText(dtype)) return dtype
  return isInteger(dtype) ? 'integer' : 'float'
}
