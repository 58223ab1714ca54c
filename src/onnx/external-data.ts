import { TureenError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import type { ExternalPayload, Layout, TensorEntry } from './layout.ts'
import { unknownLocation } from './unknown-location.ts'

/** The files of a model: its own file, and its external data by location. */
export type ModelFiles = { source: ByteSource; data: ReadonlyMap<string, ByteSource> }

/**
 * Returns the locations of a model's external data, sorted, each with the number of bytes that the model needs of it.
 */
export function externalLocations(layout: Layout): Map<string, number> {
  const needed = new Map<string, number>()
  for (const { payload } of layout.tensors) {
    if (payload.form !== 'external') continue
    needed.set(payload.location, Math.max(needed.get(payload.location) ?? 0, payload.offset + payload.length))
  }
  return new Map([...needed].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * Returns the range of a data file that holds a tensor.
 * @throws TureenError `TUREEN_MODEL_INCOMPLETE` if the file is missing, `TUREEN_MODEL_MALFORMED` if it ends before the
 * tensor does
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
    throw new TureenError('TUREEN_MODEL_INCOMPLETE', `The tensor ${name} ${message}. Send it.`, [
      { tensor: name, location, message },
    ])
  }
  requireInside(tensor, offset + length, location, file.byteLength)
  return {
    byteLength: length,
    read: (from, target) => file.read(offset + from, target),
  }
}

/**
 * Checks that data files belong to a model.
 * @param data byte lengths of data files, by location
 * @throws TureenError `TUREEN_NOT_FOUND` if the model does not name a location, `TUREEN_MODEL_MALFORMED` if a file ends
 * before a tensor does
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
    `The tensor ${name || path} ${message}: the data file is cut off, or belongs to another model. Send the right file.`,
    [{ tensor: name || path, location, expected: `${end} bytes at least`, actual: `${byteLength} bytes`, message }],
  )
}
