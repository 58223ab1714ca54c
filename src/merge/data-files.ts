import { TureenError } from '../errors.ts'
import type { ExternalPayload, TensorEntry, TensorPayload } from '../onnx/layout.ts'
import type { IndexedInput } from './merge-input.ts'
import { type PlannedFile, type PlanPart, plannedFile } from './plan-parts.ts'

type Taken = { tensor: TensorEntry; offset: number; end: number; part: PlanPart | null; payloads: string }

/** The base's data files with its merged tensors replaced in their places; all other bytes stay. */
export type DataFiles = {
  /**
   * Puts a merged tensor in its place.
   * @param sources the tensor in each averaged model
   * @returns false if it shares its place with a tensor that has been put there, in every model: it is the same one
   */
  replace(tensor: TensorEntry, payload: ExternalPayload, index: number, sources: readonly TensorEntry[]): boolean
  /** Notes a tensor whose bytes stay. */
  carry(tensor: TensorEntry, payload: ExternalPayload): void
  /** @throws TureenError `TUREEN_MODEL_UNSUPPORTED` if a merged tensor shares some of its bytes with another */
  files(): Map<string, PlannedFile>
}

export function dataFiles({ data, label }: Pick<IndexedInput, 'data' | 'label'>): DataFiles {
  const places = new Map<string, Map<string, Taken>>()
  const take = (tensor: TensorEntry, payload: ExternalPayload, part: PlanPart | null, payloads: string): boolean => {
    const { location, offset, length } = payload
    const taken = places.get(location) ?? new Map<string, Taken>()
    places.set(location, taken)
    const key = `${offset}+${length}:${part ? tensor.dataType : 'carried'}`
    const before = taken.get(key)
    if (before && (part === null || before.payloads === payloads)) return false
    if (before) throw shared(label, before.tensor, tensor)
    if (length > 0) taken.set(key, { tensor, offset, end: offset + length, part, payloads })
    return true
  }
  return {
    replace(tensor, payload, index, sources) {
      const part: PlanPart = { kind: 'tensor', tensor: index, from: 0, length: payload.length }
      return take(tensor, payload, part, JSON.stringify(sources.map(source => placeOf(source.payload))))
    },
    carry: (tensor, payload) => void take(tensor, payload, null, ''),
    files: () =>
      new Map(
        [...data].map(([location, { byteLength }]) => {
          const taken = [...(places.get(location)?.values() ?? [])].sort((a, b) => a.offset - b.offset || a.end - b.end)
          requireApart(label, taken)
          return [location, plannedFile(partsOf(byteLength, taken))]
        }),
      ),
  }
}

function partsOf(byteLength: number, taken: readonly Taken[]): PlanPart[] {
  const parts: PlanPart[] = []
  let copied = 0
  const copyUntil = (offset: number) => {
    if (offset > copied) parts.push({ kind: 'copy', from: copied, length: offset - copied })
    copied = offset
  }
  for (const { offset, end, part } of taken) {
    if (!part) continue
    copyUntil(offset)
    parts.push(part)
    copied = end
  }
  copyUntil(byteLength)
  return parts
}

/** Tensors whose bytes stay may share them; a merged one shares with none. */
function requireApart(label: string, taken: readonly Taken[]): void {
  let widest: Taken | undefined
  let widestMerged: Taken | undefined
  for (const each of taken) {
    const other = each.part ? widest : widestMerged
    if (other && other.end > each.offset) throw shared(label, other.tensor, each.tensor)
    if (!widest || each.end > widest.end) widest = each
    if (each.part && (!widestMerged || each.end > widestMerged.end)) widestMerged = each
  }
}

/** Where a tensor lies, for comparing: it says nothing of how the model says so. */
export function placeOf(payload: TensorPayload): unknown {
  if (payload.form !== 'external') return payload
  const { location, offset, length } = payload
  return { location, offset, length }
}

function shared(label: string, a: TensorEntry, b: TensorEntry): TureenError {
  const [first, second] = [a.name || a.path, b.name || b.path]
  const message = `shares bytes of its data file with ${first}, and the models differ there: one place cannot hold the averages of both`
  return new TureenError(
    'TUREEN_MODEL_UNSUPPORTED',
    `In the model ${label} the tensor ${second} ${message}. Save the model again (onnx.load, onnx.save) to store each by itself, or take another model as "base".`,
    [{ model: label, tensor: second, message }],
  )
}
