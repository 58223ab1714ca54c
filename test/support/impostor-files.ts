import { zipFile } from '../evaluate/datasets/zip-file.ts'
import { bytesField } from './wire-bytes.ts'

/*
 * Files of other formats, as small as their formats allow.
 */

export const text = (content: string) => Buffer.from(content)
export const latin = (content: string) => Buffer.from(content, 'latin1')
export const hex = (content: string) => Buffer.concat([Buffer.from(content, 'hex'), Buffer.alloc(64, 7)])
export const zipOf = (...names: string[]) => zipFile(names.map(name => ({ name, data: Buffer.from('content') })))
export const flatbuffer = (identifier: string) =>
  Buffer.concat([hex('1c000000').subarray(0, 4), latin(identifier), Buffer.alloc(64, 7)])

/** Returns a file like those of safetensors.numpy.save_file: the length of the header, the header, the data. */
export function safetensors(): Buffer {
  const header = Buffer.from('{"W":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   ')
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.byteLength))
  return Buffer.concat([length, header, Buffer.alloc(8)])
}

/**
 * A model in the ORT format: a flatbuffer (https://flatbuffers.dev/internals/) whose root table has the version as its first field and the
 * model as its second one. Versions of onnxruntime before 1.6 wrote no marker.
 */
export function ortModel(version: string, marker: string, slots = 2): Buffer {
  const table = 8 + 4 + 2 * slots
  const root = table + (table % 4)
  const bytes = Buffer.alloc(root + 64)
  const start = marker === '' ? 4 : 8
  bytes.writeUInt32LE(root, 0)
  bytes.write(marker, 4, 'latin1')
  bytes.writeUInt16LE(4 + 2 * slots, start)
  bytes.writeUInt16LE(16, start + 2)
  bytes.writeUInt16LE(12, start + 4)
  bytes.writeUInt16LE(8, start + 6)
  bytes.writeInt32LE(root - start, root)
  bytes.writeUInt32LE(32, root + 8)
  bytes.writeUInt32LE(40 - 12 + 4, root + 12)
  bytes.writeUInt32LE(version.length, root + 44)
  bytes.write(version, root + 48, 'latin1')
  return bytes
}

/** The header of POSIX's ustar (pax(1)): name, numbers as octal text, and the magic at byte 257. */
export function tar(name: string): Buffer {
  const header = Buffer.alloc(512)
  header.write(name)
  header.write('0000644\0', 100)
  header.write('00000000010\0', 124)
  header.write('ustar\x0000', 257, 'latin1')
  return Buffer.concat([header, Buffer.alloc(512), Buffer.alloc(1024)])
}

export const tensorFlowNode = (name: string, operator: string) =>
  bytesField(1, [bytesField(1, name), bytesField(2, operator)])
export const metaGraph = bytesField(1, [bytesField(4, 'serve'), bytesField(5, '2.15.0')])
export const featureOfCoreMl = bytesField(1, [bytesField(1, 'image')])
