/**
 * The number that would stand at a place if some were sorted in ascending order, NaN apart: they are moved about (Hoare's quickselect,
 * parted by the median of three).
 */
export function ascendingAt(numbers: Float64Array, place: number): number {
  let [low, high] = [0, numbers.length - 1]
  while (low < high) {
    const pivot = medianOf(numbers[low] ?? 0, numbers[(low + high) >>> 1] ?? 0, numbers[high] ?? 0)
    let [i, j] = [low, high]
    while (i <= j) {
      while ((numbers[i] ?? 0) < pivot) i += 1
      while ((numbers[j] ?? 0) > pivot) j -= 1
      if (i > j) break
      const swapped = numbers[i] ?? 0
      numbers[i] = numbers[j] ?? 0
      numbers[j] = swapped
      i += 1
      j -= 1
    }
    if (place <= j) high = j
    else if (place >= i) low = i
    else break
  }
  return numbers[place] ?? 0
}

function medianOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}
