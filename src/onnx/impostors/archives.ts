import { anyOf, type FileHead, type Impostor, magic } from './impostor.ts'
import { zipNames } from './zip-names.ts'

/** Archives and compressed files, by the magic numbers of `file` (https://github.com/file/file). */
export const archives: readonly Impostor[] = [
  {
    recognise: anyOf(magic('PK\x03\x04'), magic('PK\x05\x06')),
    reason: (_, source) => zipReason(zipNames(source)),
  },
  { recognise: magic([0x1f, 0x8b]), reason: compressed('gzip-compressed', 'gunzip') },
  {
    recognise: anyOf(magic([0x28, 0xb5, 0x2f, 0xfd]), isSkippableFrame),
    reason: compressed('zstd-compressed', 'unzstd'),
  },
  { recognise: magic([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), reason: compressed('xz-compressed', 'unxz') },
  { recognise: isLzma, reason: compressed('lzma-compressed', 'unlzma') },
  { recognise: ({ text }) => /^BZh[1-9]/.test(text), reason: compressed('bzip2-compressed', 'bunzip2') },
  { recognise: magic([0x04, 0x22, 0x4d, 0x18]), reason: compressed('lz4-compressed', 'unlz4') },
  {
    recognise: magic('ustar', 257),
    reason: ({ text }) =>
      `The file is a tar archive${first(text)}. Unpack it (tar -xf) and upload the .onnx file inside.`,
  },
  {
    recognise: magic([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]),
    reason: 'The file is a 7z archive. Unpack it (7z x) and upload the .onnx file inside.',
  },
  {
    recognise: magic('Rar!\x1a\x07'),
    reason: 'The file is a RAR archive. Unpack it and upload the .onnx file inside.',
  },
]

/** True for a frame that zstd's decoders skip, and that pzstd writes first (RFC 8878, 3.1.2). */
function isSkippableFrame({ bytes }: FileHead): boolean {
  const [first = 0, ...others] = bytes.subarray(0, 4)
  return first >= 0x50 && first <= 0x5f && Buffer.from(others).equals(Buffer.from([0x2a, 0x4d, 0x18]))
}

/**
 * True for lzma, the older format of xz: properties, the size of the dictionary, and 2^64 - 1 for an unknown length
 * (the LZMA SDK's lzma.txt).
 */
function isLzma({ bytes }: FileHead): boolean {
  return bytes[0] === 0x5d && bytes[1] === 0 && bytes[2] === 0 && bytes.subarray(5, 13).every(byte => byte === 0xff)
}

function compressed(how: string, command: string): string {
  return `The file is ${how}. Decompress it (${command}) and upload the .onnx file inside.`
}

function first(text: FileHead['text']): string {
  const [name = ''] = text.slice(0, 100).split('\0')
  return /^[\x20-\x7e]+$/.test(name) ? `, which begins with ${name}` : ''
}

/** Names the kind of a zip archive by its entries. */
function zipReason(names: readonly string[]): string {
  const model = names.find(name => /\.onnx$/i.test(name))
  if (model !== undefined) return `The file is a zip archive that holds ${model}. Unpack it and upload that.`
  const has = (pattern: RegExp) => names.some(name => pattern.test(name))
  if (has(/(^|\/)data\.pkl$/))
    return has(/(^|\/)(constants\.pkl|code\/.*)$/)
      ? 'The file is a TorchScript archive. Export the PyTorch module to ONNX (torch.onnx.export) and upload that.'
      : 'The file is a PyTorch checkpoint (a zip archive with data.pkl). Load it, export the module to ONNX (torch.onnx.export) and upload that.'
  if (has(/(^|\/)(model\.weights\.h5|config\.json)$/) && has(/(^|\/)metadata\.json$/))
    return 'The file is a Keras model (.keras). Export the model to ONNX with tf2onnx and upload that.'
  if (has(/\.mlmodel$/)) return 'The file is a Core ML package. Upload the ONNX model that it was made from.'
  if (names.length > 0 && names.every(name => name.endsWith('.npy')))
    return 'The file is a zip archive of NumPy arrays (.npz), such as a data set: POST it to /v1/datasets. A model is an .onnx file.'
  const held =
    names.length > 0 ? `; it holds ${names.slice(0, 3).join(', ')}${names.length > 3 ? ' and more' : ''}` : ''
  return `The file is a zip archive${held}. Unpack it and upload the .onnx file.`
}
