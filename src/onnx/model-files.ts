import { TureenError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import type { ExternalPayload, Layout, TensorEntry } from './layout.ts'

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

/** @throws TureenError `TUREEN_MODEL_MALFORMED` if one of the tensors in a data file ends behind its `byteLength` */
export function requireDataFits(layout: Layout, location: string, byteLength: number): void {
  for (const tensor of layout.tensors) {
    const { payload } = tensor
    if (payload.form === 'external' && payload.location === location)
      requireInside(tensor, payload.offset + payload.length, location, byteLength)
  }
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
