import type { FixedRun } from './layout.ts'
import { malformed, type WireField, wireType } from './wire.ts'

/** Adds a field of fixed-width values, packed or single, to the runs before it. Returns true if it begins a new run. */
export function addFixedRun(runs: FixedRun[], field: WireField, width: 4 | 8): boolean {
  const { type, start, payload, end } = field
  if (type === wireType.bytes) {
    if ((end - payload) % width !== 0) throw malformed('Packed values are cut off', start)
    runs.push({ start, offset: payload, count: (end - payload) / width, stride: width, width })
    return true
  }
  requireWireType(field, width === 4 ? wireType.fixed32 : wireType.fixed64)
  const last = runs.at(-1)
  const stride = end - start
  if (last && last.stride === stride && last.offset + last.count * last.stride === payload) {
    last.count += 1
    return false
  }
  runs.push({ start, offset: payload, count: 1, stride, width })
  return true
}

/** Checks the wire type of a field. @throws TureenError `TUREEN_MODEL_MALFORMED` if it has another one */
export function requireWireType({ number, type, start }: WireField, expected: number): void {
  if (type !== expected) throw malformed(`Field ${number} has wire type ${type}`, start)
}
