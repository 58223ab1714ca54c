import { bytesField, parseFields } from './wire-bytes.ts'

/** Path to a message: for each level, outermost first, the field number and the index among the fields with this number. */
export type MessagePath = readonly (readonly [field: number, occurrence: number])[]

/** Returns the message with `addition`, the bytes of whole fields, at the end of the inner message at `path`. */
export function appendInside(message: Uint8Array, path: MessagePath, addition: Uint8Array): Uint8Array<ArrayBuffer> {
  const [step, ...rest] = path
  if (!step) return Uint8Array.from(Buffer.concat([message, addition]))
  const [number, occurrence] = step
  const field = parseFields(message).filter(each => each.number === number)[occurrence]
  if (!field) throw new Error(`there is no field ${number} number ${occurrence}`)
  const inner = appendInside(message.subarray(field.payload, field.end), rest, addition)
  return Uint8Array.from(
    Buffer.concat([message.subarray(0, field.start), bytesField(number, inner), message.subarray(field.end)]),
  )
}
