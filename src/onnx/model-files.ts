import { TureenError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import type { ExternalPayload, Layout, TensorEntry } from './layout.ts'
import { unknownLocation } from './unknown-location.ts'

/** The files of a model: its own, and those that its tensors say they lie in, by the location that the model calls them. */
export type ModelFiles = { source: ByteSource; data: ReadonlyMap<string, ByteSource> }

/** What a model refers to: every location once, sorted, and how many bytes of it the model needs. */
export function externalLocations(layout: Layout): Map<string, number> {
  const needed = new Map<string, number>()
  for (const { payload } of layout.tensors) {
    if (payload.form !== 'external') continue
    needed.set(payload.location, Math.max(needed.get(payload.location) ?? 0, payload.offset + payload.length))
  }
  return new Map([...needed].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * The range of a data file that holds a tensor.
 * @throws TureenError `TUREEN_MODEL_INCOMPLETE` if the file is not here, `TUREEN_MODEL_MALFORMED` if it ends before the tensor does
 */
export function externalSource(
  tensor: TensorEntry,
  { location, offset, length }: ExternalPayload,
  data: ReadonlyMap<string, ByteSource>,
): ByteSource {
  const file = data.get(location)
  const name = tensor.name || tensor.path
  if (!file) {
    const message = `lies in the external data ${location}, which is missing`
    throw new TureenError('TUREEN_MODEL_INCOMPLETE', `The tensor ${name} ${message}.`, [{ tensor: name, message }])
  }
  requireInside(tensor, offset + length, location, file.byteLength)
  return {
    byteLength: length,
    read: (from, target) => file.read(offset + from, target),
  }
}

/**
 * @param data byte lengths of data files, by location
 * @throws TureenError `TUREEN_NOT_FOUND` if no tensor lies in one of them, `TUREEN_MODEL_MALFORMED` if a tensor ends after its file does
 */
export function requireOwnData(layout: Layout, data: ReadonlyMap<string, { byteLength: number }>): void {
  const unused = new Set(data.keys())
  for (const tensor of layout.tensors) {
    const { payload } = tensor
    if (payload.form !== 'external') continue
    const file = data.get(payload.location)
    if (!file) continue
    unused.delete(payload.location)
    requireInside(tensor, payload.offset + payload.length, payload.location, file.byteLength)
  }
  const [location] = unused
  if (location !== undefined) throw unknownLocation(location, [...externalLocations(layout).keys()])
}

function requireInside({ name, path }: TensorEntry, end: number, location: string, byteLength: number): void {
  if (end <= byteLength) return
  const message = `ends at byte ${end} of ${location}, which has ${byteLength}`
  throw new TureenError(
    'TUREEN_MODEL_MALFORMED',
    `The tensor ${name || path} ${message}: the data file is cut off, or belongs to another model.`,
    [{ tensor: name || path, message }],
  )
}
