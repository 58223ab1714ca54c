import { type ByteSource, memorySource, readBytes } from '../onnx/byte-source.ts'
import { hasGraph } from '../onnx/impostors/protobufs.ts'
import { zipNames } from '../onnx/impostors/zip-names.ts'
import type { CheckpointFormat } from '../onnx/layout.ts'

/** Bytes of the beginning that are looked at. */
const headBytes = 16 * 1024

/** Returns the format of a checkpoint; null for any other file, such as an ONNX model. Reads the beginning, and the directory of a zip file. */
export function checkpointFormat(source: ByteSource): CheckpointFormat | null {
  const found = formatBy(source, isTorchZip)
  return found && hasGraph(source) ? null : found
}

/**
 * True if bytes may be the beginning of a checkpoint, whose rest has not arrived.
 * @param beginning the first bytes of a longer file
 */
export function mayBeginCheckpoint(beginning: ByteSource): boolean {
  return formatBy(beginning, mayBeginTorchZip) !== null
}

function formatBy(source: ByteSource, isTorch: (source: ByteSource) => boolean): CheckpointFormat | null {
  const head = Buffer.from(readBytes(source, 0, Math.min(source.byteLength, headBytes))).toString('latin1')
  // Eight bytes of length, then a JSON object of objects.
  if (/^\{\s*["}]/.test(head.slice(8))) return 'safetensors'
  if (/^\s*\{/.test(head) && /"weight_map"\s*:/.test(head)) return 'safetensors-index'
  return head.startsWith('PK\x03\x04') && isTorch(source) ? 'torch' : null
}

/** True if a zip file has the pickle of torch.save, and no code of TorchScript. */
function isTorchZip(source: ByteSource): boolean {
  // The directory of several zip files in a row lies elsewhere than it says: then only the beginning tells.
  const beginning = memorySource(readBytes(source, 0, Math.min(source.byteLength, headBytes)))
  const names = [...zipNames(source), ...zipNames(beginning)]
  return names.some(isPickle) && !names.some(name => /(^|\/)(constants\.pkl|code\/.*)$/.test(name))
}

/** True if the first entries of a zip file are those of torch.save. */
function mayBeginTorchZip(beginning: ByteSource): boolean {
  const names = zipNames(beginning)
  return names.some(name => isPickle(name) || /(^|\/)(byteorder|version|\.format_version|data\/\d+)$/.test(name))
}

function isPickle(name: string): boolean {
  return /(^|\/)data\.pkl$/.test(name)
}
