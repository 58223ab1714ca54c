import type { TensorEntry } from '../onnx/layout.ts'

type Placed = { path: string; location: string; offset: number; end: number; place: string }

/**
 * Returns the paths of external tensors that share bytes with another one of another place or type. They can be stored
 * as they are only if their values do not change.
 */
export function partialOverlaps(tensors: readonly TensorEntry[]): Set<string> {
  const placed = tensors.flatMap(({ path, payload, dataType }): Placed[] => {
    if (payload.form !== 'external' || payload.length === 0) return []
    const { location, offset, length } = payload
    return [{ path, location, offset, end: offset + length, place: `${offset}+${length}:${dataType}` }]
  })
  placed.sort((a, b) => (a.location < b.location ? -1 : a.location > b.location ? 1 : a.offset - b.offset))
  const overlapping = new Set<string>()
  let group: Placed[] = []
  let end = 0
  const close = () => {
    if (group.some(({ place }) => place !== group[0]?.place)) for (const { path } of group) overlapping.add(path)
    group = []
  }
  for (const each of placed) {
    if (group[0]?.location !== each.location || each.offset >= end) {
      close()
      end = 0
    }
    group.push(each)
    end = Math.max(end, each.end)
  }
  close()
  return overlapping
}
