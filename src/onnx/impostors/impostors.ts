import { TureenError } from '../../errors.ts'
import { type ByteSource, readBytes } from '../byte-source.ts'
import { archives } from './archives.ts'
import { type FileHead, headBytes } from './impostor.ts'
import { modelFiles } from './other-model-formats.ts'
import { hasGraph, otherProtobuf } from './protobufs.ts'
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
  const bytes = readBytes(source, 0, Math.min(source.byteLength, headBytes))
  const head: FileHead = { bytes, text: Buffer.from(bytes).toString('latin1') }
  const impostor = impostors.find(({ recognise }) => recognise(head, source))
  if (!impostor) {
    const reason = otherProtobuf(source)
    if (reason !== undefined) throw notOnnx(reason)
    return
  }
  if (hasGraph(source)) return
  const { reason } = impostor
  throw notOnnx(typeof reason === 'string' ? reason : reason(head, source))
}

function notOnnx(reason: string): TureenError {
  return new TureenError('TUREEN_NOT_ONNX', reason, [{ expected: 'an ONNX model', message: reason }])
}
