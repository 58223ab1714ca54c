/** Whether elements of a type are whole numbers, and so may be class labels; booleans count as 0 and 1. */
export function isInteger(dtype: string): boolean {
  return /^(u?int\d+|bool)$/.test(dtype)
}

/** Whether elements of a type are texts, which are class labels wherever they are scored. */
export function isText(dtype: string): boolean {
  return dtype === 'string'
}

/** Whether values of a type have no elements that could be scored; a type that is not known here may have. */
export function hasNoElements(dtype: string): boolean {
  return /^(complex|sequence\(|map\(|sparse\(|optional\()/.test(dtype)
}
