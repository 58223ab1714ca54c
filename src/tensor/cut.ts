/** Where an order by size is cut: all larger than `value` stand before it, and of the equal ones those with an index up to `last`. */
export type Cut = { value: number; last: number }

/** Whether an element stands at a cut or before it. NaN is larger than any number, and equal to every other NaN. */
export function isWithin(key: number, index: number, { value, last }: Cut): boolean {
  if (Number.isNaN(key)) return !Number.isNaN(value) || index <= last
  return key > value || (key === value && index <= last)
}
