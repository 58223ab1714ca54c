/** Arrays longer than this are counted in bins first, and only the bin of the sought number is searched. */
const fewNumbers = 256
const mostBins = 1024

/** Returns the number at a place in ascending order. The numbers must not include NaN. */
export function ascendingAt(numbers: Float64Array, place: number): number {
  if (numbers.length <= fewNumbers) return selected(numbers.slice(), place)
  const [least, most] = endsOf(numbers)
  const bins = Math.min(mostBins, numbers.length >>> 2)
  const scale = bins / (most - least)
  // One bin more, because the largest number may round up into it. NaN (between infinite ends) becomes bin 0, so that
  // one bin holds all numbers.
  const counts = new Uint32Array(bins + 1)
  for (let i = 0; i < numbers.length; i += 1) {
    const bin = (((numbers[i] ?? 0) - least) * scale) | 0
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  let rest = place
  let sought = 0
  for (; rest >= (counts[sought] ?? 0) && sought < bins; sought += 1) rest -= counts[sought] ?? 0
  const inBin = new Float64Array(counts[sought] ?? 0)
  let found = 0
  for (let i = 0; i < numbers.length; i += 1) {
    const number = numbers[i] ?? 0
    if ((((number - least) * scale) | 0) === sought) inBin[found++] = number
  }
  return selected(inBin, rest)
}

function endsOf(numbers: Float64Array): [least: number, most: number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < numbers.length; i += 1) {
    const number = numbers[i] ?? 0
    if (number < least) least = number
    if (number > most) most = number
  }
  return [least, most]
}

/** Hoare's quickselect with the median of three as pivot. Reorders the numbers. */
function selected(numbers: Float64Array, place: number): number {
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
