import { mayBeginCheckpoint } from '../checkpoint/recognise.ts'
import { blame } from '../errors.ts'
import { memorySource } from '../onnx/byte-source.ts'
import { refuseKnownBeginnings } from '../onnx/impostors/impostors.ts'
import { hasGraph, mayBeginModel } from '../onnx/impostors/protobufs.ts'
import { checkedBeginning } from './body-beginning.ts'
import type { UploadPart } from './form-parts.ts'
import { lacksLineEnds, refuseStripped, strippedBody } from './stripped-body.ts'

const firstPrintable = 0x20

/**
 * Yields the chunks of a model's file. If its first 16 KiB certainly are no beginning of an ONNX model or a checkpoint, it throws before the rest arrives.
 * Shorter files are left to the inspection, which sees all of them.
 *
 * @param label name of the model in errors; null if the request has only one
 * @throws TureenError `TUREEN_NOT_ONNX` with the kind of file; `TUREEN_MODEL_MALFORMED`; `TUREEN_BODY_MALFORMED` for a body that `curl -d` has changed
 */
export function modelChunks({ stream, isFormBody }: UploadPart, label: string | null): AsyncIterable<Uint8Array> {
  return checkedBeginning(stream, (beginning, isWhole) => {
    try {
      if (isFormBody && !isWhole) refuseStripped(beginning)
      if (isFormBody && isWhole && isStrippedModel(beginning)) throw strippedBody()
      if (!isWhole && !mayBeginCheckpoint(memorySource(beginning))) refuseKnownBeginnings(beginning)
    } catch (error) {
      throw label === null ? error : blame(error, label)
    }
  })
}

/** True for a whole body that begins like a model and is damaged, without any of the bytes that `curl -d` leaves out. */
function isStrippedModel(body: Uint8Array): boolean {
  const source = memorySource(body)
  const isBinary = body.some(byte => byte < firstPrintable)
  return isBinary && lacksLineEnds(body) && mayBeginModel(source) && !hasGraph(source)
}
