import { TureenError } from '../errors.ts'
import type { ExternalPayload, TensorEntry, TensorPayload } from '../onnx/layout.ts'
import type { IndexedInput } from './merge-input.ts'
import { type PlannedFile, type PlanPart, plannedFile } from './plan-parts.ts'

type Taken = { tensor: TensorEntry; offset: number; end: number; part: PlanPart | null; payloads: string }

/** The base's data files with merged tensors replaced in their places. All other bytes are kept. */
export type DataFiles = {
  /**
   * Puts a merged tensor in its place.
   * @param sources the tensor in each averaged model
   * @returns false if the tensor shares its place, in every model, with one that was put there before: the two are one
   * tensor
   */
  replace(tensor: TensorEntry, payload: ExternalPayload, index: number, sources: readonly TensorEntry[]): boolean
  /** Records a tensor whose bytes are kept. */
  carry(tensor: TensorEntry, payload: ExternalPayload): void
  /** Returns the files. @throws TureenError `TUREEN_MODEL_UNSUPPORTED` if a merged tensor shares bytes with another */
  files(): Map<string, PlannedFile>
}

/** Returns the base's data files before any tensor is replaced. */
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

/** Checks that a merged tensor shares no bytes; tensors whose bytes are kept may. */
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

/** Returns the place of a tensor for comparisons, without the fields that state it. */
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
