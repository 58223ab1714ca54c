/** Returns the lower triangular A with A A^T = C; undefined if C is not positive definite. */
export function cholesky(c: readonly (readonly number[])[]): number[][] | undefined {
  const a = c.map(row => row.map(() => 0))
  for (const [i, row] of c.entries()) {
    for (let j = 0; j <= i; j += 1) {
      let sum = row[j] ?? 0
      for (let k = 0; k < j; k += 1) sum -= (a[i]?.[k] ?? 0) * (a[j]?.[k] ?? 0)
      const target = a[i]
      if (!target || (i === j && !(sum > 0))) return undefined
      target[j] = i === j ? Math.sqrt(sum) : sum / (a[j]?.[j] ?? 1)
    }
  }
  return a
}

/** Returns A z for a lower triangular A. */
export function lowerProduct(a: readonly (readonly number[])[], z: readonly number[]): number[] {
  return a.map((row, i) => {
    let sum = 0
    for (let j = 0; j <= i; j += 1) sum += (row[j] ?? 0) * (z[j] ?? 0)
    return sum
  })
}
