import type { ExternalPayload, Frame, FramedSpan, TensorEntry } from '../onnx/layout.ts'
import { tensorFields } from '../onnx/messages.ts'
import { bytesPart, type Edit } from '../onnx/splice.ts'
import { encodeTag, encodeVarint, wireType } from '../onnx/wire.ts'
import { dtypeOf, rawBytes } from '../tensor/dtype.ts'
import type { PlanPart } from './plan-parts.ts'

/**
 * Returns the edits that write a merged tensor. Fixed-width values keep the base's encoding. Varints become raw_data,
 * so that the length of the file is known before any value.
 */
export function tensorEdits(tensor: TensorEntry, index: number): Edit<PlanPart>[] {
  const { payload, frame } = tensor
  switch (payload.form) {
    case 'raw': {
      const { offset, length } = payload
      return [
        { start: offset, end: offset + length, frame, parts: [{ kind: 'tensor', tensor: index, from: 0, length }] },
      ]
    }
    case 'fixed': {
      let from = 0
      return payload.runs.map(run => {
        const length = run.count === 0 ? 0 : (run.count - 1) * run.stride + run.width
        const part: PlanPart =
          run.stride === run.width
            ? { kind: 'tensor', tensor: index, from, length }
            : { kind: 'spread', tensor: index, from, run, length }
        from += run.count * run.width
        return { start: run.offset, end: run.offset + length, frame, parts: [part] }
      })
    }
    case 'varint': {
      const dtype = dtypeOf(tensor.dataType)
      const length = dtype ? rawBytes(dtype, tensor.elements) : 0
      return asRawData(payload.runs, frame, { kind: 'tensor', tensor: index, from: 0, length })
    }
    default:
      return []
  }
}

/**
 * Returns the edits that turn a tensor with external data into raw_data in the model's own file.
 * @param index the merged tensor; null to keep the base's elements
 */
export function inlineEdits(
  { frame }: TensorEntry,
  { fields, location, offset, length }: ExternalPayload,
  index: number | null,
): Edit<PlanPart>[] {
  const elements: PlanPart =
    index === null
      ? { kind: 'data', location, from: offset, length }
      : { kind: 'tensor', tensor: index, from: 0, length }
  return asRawData(fields, frame, elements)
}

/**
 * Returns the edits that write a tensor of the model's own file as raw_data, because its elements take another number
 * of bytes.
 * @param frames of the tensor's layout
 */
export function retypedEdits(tensor: TensorEntry, frames: readonly Frame[], elements: PlanPart): Edit<PlanPart>[] {
  return asRawData(payloadFields(tensor, frames), tensor.frame, elements)
}

function payloadFields({ payload, frame }: TensorEntry, frames: readonly Frame[]): FramedSpan[] {
  const framed = ({ start, end }: FramedSpan): FramedSpan => ({ start, end, frame: frameAround(frames, frame, start) })
  switch (payload.form) {
    case 'raw':
      return [framed({ start: payload.start, end: payload.offset + payload.length })]
    case 'fixed':
      return payload.runs.map(({ start, offset, count, stride, width }) =>
        framed({ start, end: count === 0 ? offset : offset + (count - 1) * stride + width }),
      )
    case 'varint':
      return payload.runs
    case 'external':
      return payload.fields
    default:
      return []
  }
}

/** Returns the frame of a field. A tensor in several parts has a frame for each part. */
function frameAround(frames: readonly Frame[], own: number, offset: number): number {
  const holds = (frame: Frame | undefined) => frame !== undefined && frame.payload <= offset && offset < frame.end
  return holds(frames[own]) ? own : frames.findLastIndex(holds)
}

/** Replaces the first of some fields by a raw_data field, and removes the others. */
function asRawData(fields: readonly FramedSpan[], frame: number, elements: PlanPart): Edit<PlanPart>[] {
  const tag = bytesPart(encodeTag(tensorFields.rawData, wireType.bytes))
  const parts = [tag, bytesPart(encodeVarint(elements.length)), elements]
  return fields.map((field, index) => ({
    start: field.start,
    end: field.end,
    frame: field.frame ?? frame,
    parts: index === 0 ? parts : [],
  }))
}
