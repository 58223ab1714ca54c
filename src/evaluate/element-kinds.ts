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
