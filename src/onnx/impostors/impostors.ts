import { TureenError } from '../../errors.ts'
import { type ByteSource, memorySource, readBytes } from '../byte-source.ts'
import { archives } from './archives.ts'
import { type FileHead, headBytes, type Impostor } from './impostor.ts'
import { modelFiles } from './other-model-formats.ts'
import { hasGraph, mayBeginModel, otherBeginning, otherProtobuf, requireProtobuf } from './protobufs.ts'
import { texts } from './texts.ts'

/** Kinds of files that are sent under the name .onnx. */
const impostors = [...modelFiles, ...archives, ...texts]

/**
 * Refuses the usual files that are not ONNX, and names their kind. A file that is protobuf to its end and has a graph
 * is never refused. Its first bytes may look like another kind, for example in the name of a producer.
 * @throws TureenError `TUREEN_NOT_ONNX`
 */
export function refuseKnownImpostors(source: ByteSource): void {
  if (source.byteLength === 0) throw notOnnx('The file is empty. Upload the .onnx file.')
  const head = headOf(source)
  const impostor = impostors.find(({ recognise }) => recognise(head, source))
  if (!impostor) {
    const reason = otherProtobuf(source)
    if (reason !== undefined) throw notOnnx(reason)
    return
  }
  if (hasGraph(source)) return
  throw refusalOf(impostor, head, source)
}

/**
 * Refuses the beginning of a file that certainly is not ONNX, and names its kind. It decides less than {@link refuseKnownImpostors}: bytes
 * that may be the beginning of a model are never refused, whatever else they look like.
 *
 * @param beginning the first bytes of a longer file
 * @throws TureenError `TUREEN_NOT_ONNX`; `TUREEN_MODEL_MALFORMED` for an unknown kind that is not protobuf
 */
export function refuseKnownBeginnings(beginning: Uint8Array): void {
  const source = memorySource(beginning)
  const head = headOf(source)
  const impostor = impostors.find(({ recognise }) => recognise(head, source))
  if (impostor && !mayBeginModel(source)) throw refusalOf(impostor, head, source)
  const reason = impostor ? undefined : otherBeginning(source)
  if (reason !== undefined) throw notOnnx(reason)
  requireProtobuf(source)
}

function headOf(source: ByteSource): FileHead {
  const bytes = readBytes(source, 0, Math.min(source.byteLength, headBytes))
  return { bytes, text: Buffer.from(bytes).toString('latin1') }
}

function refusalOf({ reason }: Impostor, head: FileHead, source: ByteSource): TureenError {
  return notOnnx(typeof reason === 'string' ? reason : reason(head, source))
}

function notOnnx(reason: string): TureenError {
  return new TureenError('TUREEN_NOT_ONNX', reason, [{ expected: 'an ONNX model', message: reason }])
}
