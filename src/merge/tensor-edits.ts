import type { ExternalPayload, Frame, FramedSpan, TensorEntry } from '../onnx/layout.ts'
import { tensorFields } from '../onnx/messages.ts'
import { bytesPart, type Edit } from '../onnx/splice.ts'
import { encodeTag, encodeVarint, wireType } from '../onnx/wire.ts'
import { dtypeOf, rawBytes } from '../tensor/dtype.ts'
import type { PlanPart } from './plan-parts.ts'

/**
 * Where a merged tensor's bytes go. Fixed-width values stay in the base's encoding. Varints become raw_data, so that the
 * length of the file is known before any value is.
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
 * A tensor with external data as raw_data in the model's own file, in the place of what says where it lies.
 * @param index the merged tensor that it is; null if the base's elements stay
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
 * A tensor in the model's own file whose elements take another number of bytes: as raw_data, which has them in every type.
 * @param frames the messages of the layout that the tensor is of
 */
export function retypedEdits(tensor: TensorEntry, frames: readonly Frame[], elements: PlanPart): Edit<PlanPart>[] {
  return asRawData(payloadFields(tensor, frames), tensor.frame, elements)
}

function payloadFields({ payload, frame }: TensorEntry, frames: readonly Frame[]): FramedSpan[] {
  const framed = ({ start, end }: FramedSpan): FramedSpan => ({ start, end, frame: frameAround(frames, frame, start) })
  switch (payload.form) {
    case 'raw':
      return [framed(payload.field)]
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

/** The message in which a field stands: a tensor that is written in several parts has a frame for each. */
function frameAround(frames: readonly Frame[], own: number, offset: number): number {
  const holds = (frame: Frame | undefined) => frame !== undefined && frame.payload <= offset && offset < frame.end
  return holds(frames[own]) ? own : frames.findLastIndex(holds)
}

/** A raw_data field in the place of the first of some fields, the others left out. */
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
