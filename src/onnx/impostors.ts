import { TureenError } from '../errors.ts'
import { type ByteSource, readBytes } from './byte-source.ts'

type Impostor = { recognise: (head: Uint8Array, text: string) => boolean; reason: string }

const startsWith = (head: Uint8Array, ...bytes: number[]) => bytes.every((byte, index) => head[index] === byte)

/** What was found under the name .onnx in public places without being ONNX. */
const impostors: Impostor[] = [
  {
    recognise: (_, text) => text.startsWith('version https://git-lfs.github.com/spec/'),
    reason: 'The file is a Git LFS pointer, not the model itself. Fetch the model with `git lfs pull`.',
  },
  {
    // A flatbuffer starts with an offset, whose upper byte is 0; a protobuf could hold the letters as a producer's name.
    recognise: (head, text) => text.slice(4, 8) === 'ORTM' && head[3] === 0,
    reason:
      "The file is in onnxruntime's own ORT format. Its weights cannot be averaged: upload the ONNX model that it was made from.",
  },
  {
    recognise: head => startsWith(head, 0x1f, 0x8b),
    reason: 'The file is gzip-compressed. Decompress it and upload the model itself.',
  },
  {
    recognise: head => startsWith(head, 0x50, 0x4b, 0x03, 0x04) || startsWith(head, 0x50, 0x4b, 0x05, 0x06),
    reason: 'The file is a zip archive (perhaps a PyTorch checkpoint or an .npz). Upload the .onnx model itself.',
  },
  {
    recognise: head => startsWith(head, 0x00, 0x05, 0x16, 0x07),
    reason: 'The file is an AppleDouble file (macOS metadata, named ._something). Upload the model beside it.',
  },
  {
    recognise: (_, text) => /^\s*(<!doctype html|<html|<\?xml)/i.test(text),
    reason: 'The file is an HTML or XML page, perhaps the error page of a download. Fetch the model again.',
  },
  {
    recognise: (_, text) => /^\s*[{[]\s*["{[]/.test(text),
    reason: 'The file is JSON, not an ONNX model.',
  },
  {
    recognise: ([first = 0, protocol = 0]) => first === 0x80 && protocol >= 2 && protocol <= 5,
    reason: 'The file is a Python pickle (perhaps a PyTorch checkpoint). Export the model to ONNX first.',
  },
]

/** @throws TureenError `TUREEN_NOT_ONNX`, naming what the file is, if it is one of the usual things that are not ONNX. */
export function refuseKnownImpostors(source: ByteSource): void {
  if (source.byteLength === 0) throw new TureenError('TUREEN_NOT_ONNX', 'The file is empty.')
  const head = readBytes(source, 0, Math.min(source.byteLength, 256))
  const text = Buffer.from(head).toString('latin1')
  const impostor = impostors.find(({ recognise }) => recognise(head, text))
  if (impostor) throw new TureenError('TUREEN_NOT_ONNX', impostor.reason)
}
