/**
 * Returns float32 values from -1 to 1 in an order that looks random: the products of `first`, `first + 1` and so on with an odd factor, modulo
 * 2^32. A plain loop takes a tenth of the time of `Float32Array.from` with a function.
 */
export function scattered(count: number, first: number, factor: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count)
  for (let at = 0; at < count; at += 1) values[at] = Math.imul(first + at, factor) / 2 ** 31
  return values
}
