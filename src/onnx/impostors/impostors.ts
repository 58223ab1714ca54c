import { TureenError } from '../../errors.ts'
import { type ByteSource, readBytes } from '../byte-source.ts'
import { archives } from './archives.ts'
import { type Head, headBytes } from './impostor.ts'
import { modelFiles } from './model-files.ts'
import { hasGraph, otherProtobuf } from './protobufs.ts'
import { texts } from './texts.ts'

/** What is found under the name .onnx without being ONNX. */
const impostors = [...modelFiles, ...archives, ...texts]

/**
 * Refuses the usual things that are not ONNX by name. A file that is protobuf to its end and has a graph is never one of them, whatever
 * its first bytes are: they may be the name of a producer.
 * @throws TureenError `TUREEN_NOT_ONNX`, saying what the file is and what to do
 */
export function refuseKnownImpostors(source: ByteSource): void {
  if (source.byteLength === 0) throw new TureenError('TUREEN_NOT_ONNX', 'The file is empty. Upload the .onnx file.')
  const bytes = readBytes(source, 0, Math.min(source.byteLength, headBytes))
  const head: Head = { bytes, text: Buffer.from(bytes).toString('latin1') }
  const impostor = impostors.find(({ recognise }) => recognise(head, source))
  if (!impostor) {
    const reason = otherProtobuf(source)
    if (reason !== undefined) throw new TureenError('TUREEN_NOT_ONNX', reason)
    return
  }
  if (hasGraph(source)) return
  const { reason } = impostor
  throw new TureenError('TUREEN_NOT_ONNX', typeof reason === 'string' ? reason : reason(head, source))
}
