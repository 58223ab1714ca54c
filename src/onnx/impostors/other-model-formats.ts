import { anyOf, type FileHead, type Impostor, magic } from './impostor.ts'
import { isOrtSession } from './ort-format.ts'

const exportFirst =
  'Export the model to ONNX (torch.onnx.export, tf2onnx, skl2onnx, optimum-cli export onnx) and upload that.'
const isFlatbuffer = (identifier: string): Impostor['recognise'] => magic(identifier, 4)

/** Bytes of the longest header that the Safetensors library reads. */
const longestSafetensorsHeader = 100_000_000

/**
 * Formats of models and weights by their magic numbers, from the documentation or source of each: GGUF and Safetensors
 * (format documents), flatbuffers (file_identifier in the schemas of TensorFlow Lite, ExecuTorch and onnxruntime), HDF5
 * (format specification, III.A), NumPy (NEP 1), Python (PEP 3154), TensorRT (as Netron reads it).
 */
export const modelFiles: readonly Impostor[] = [
  {
    recognise: anyOf(isFlatbuffer('ORTM'), isOrtSession),
    reason:
      "The file is in onnxruntime's own ORT format (.ort). Its weights cannot be averaged: upload the ONNX model that it was made from, NAME.onnx for NAME.ort.",
  },
  {
    recognise: anyOf(isFlatbuffer('TFL3'), isFlatbuffer('TFL2')),
    reason: `The file is a TensorFlow Lite model. Export the model that it was made from with tf2onnx and upload that.`,
  },
  {
    recognise: ({ text }) => /^ET\d\d/.test(text.slice(4)),
    reason: `The file is an ExecuTorch program. ${exportFirst}`,
  },
  {
    recognise: anyOf(magic('ptrt'), magic('ftrt')),
    reason:
      'The file is a TensorRT engine, built for one GPU. Its weights cannot be averaged: upload the ONNX model that it was built from.',
  },
  {
    recognise: magic('GGUF'),
    reason: `The file is a GGUF file of llama.cpp: weights without a graph. ${exportFirst}`,
  },
  {
    recognise: anyOf(magic('lmgg'), magic('fmgg'), magic('tjgg')),
    reason: `The file is a GGML file of llama.cpp: weights without a graph. ${exportFirst}`,
  },
  {
    recognise: isSafetensors,
    reason: `The file is a Safetensors file: weights without a graph. ${exportFirst}`,
  },
  {
    recognise: magic([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]),
    reason:
      'The file is an HDF5 file (perhaps a Keras model, .h5). Export the model to ONNX with tf2onnx and upload that.',
  },
  {
    recognise: magic('\x93NUMPY'),
    reason: `The file is a NumPy array (.npy), without a graph. ${exportFirst}`,
  },
  {
    // The number with which torch.save began before version 1.6 (torch/serialization.py, MAGIC_NUMBER), as a pickle of protocol 2.
    recognise: magic([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]),
    reason:
      'The file is a PyTorch checkpoint of the format before version 1.6, without a zip file around it. Convert it: `import torch`, then `torch.save(torch.load("FILE", map_location="cpu"), "weights.pt")`; torch.load runs code of the file, so do this only with a file that you trust.',
  },
  {
    recognise: ({ text }) => text.includes('torch.distributed.checkpoint.metadata'),
    reason:
      'The file is the .metadata of a folder of torch.distributed.checkpoint (FSDP). Convert the folder: `from torch.distributed.checkpoint.format_utils import dcp_to_torch_save`, then `dcp_to_torch_save("FOLDER", "weights.pt")`.',
  },
  {
    recognise: ({ bytes: [first = 0, protocol = 0] }) => first === 0x80 && protocol >= 2 && protocol <= 5,
    reason: `The file is a Python pickle (perhaps a PyTorch checkpoint or a scikit-learn model). ${exportFirst}`,
  },
  {
    // Protocols 0 and 1 begin with opcodes: an import, or a mark before a dict, a list or a tuple.
    recognise: ({ text }) =>
      /^c[\w.]+\n\w+\n/.test(text) || /^\((dp|lp|i[\w.]+\n|c[\w.]+\n)/.test(text) || /^[}\]]q/.test(text),
    reason: `The file is a Python pickle of an old protocol. ${exportFirst}`,
  },
  {
    recognise: anyOf(magic([0x78, 0x01]), magic([0x78, 0x9c]), magic([0x78, 0xda])),
    reason: `The file is zlib-compressed (perhaps a scikit-learn model of joblib). ${exportFirst}`,
  },
  {
    recognise: anyOf(magic('\x89PNG'), magic([0xff, 0xd8, 0xff]), magic('GIF8'), magic('%PDF')),
    reason: 'The file is an image or a document, not a model. Upload the .onnx file.',
  },
  {
    recognise: anyOf(magic('\x7fELF'), magic('MZ\x90\0')),
    reason: 'The file is a program or a library, not a model. Upload the .onnx file.',
  },
  {
    recognise: magic([0x00, 0x05, 0x16, 0x07]),
    reason: 'The file is an AppleDouble file (macOS metadata, named ._something). Upload the model beside it.',
  },
]

/**
 * True for Safetensors: eight bytes of length, then a JSON object that describes each tensor by its data_offsets. A
 * download may have ended inside the object.
 */
function isSafetensors({ bytes, text }: FileHead): boolean {
  if (bytes.byteLength < 10) return false
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = Number(view.getBigUint64(0, true))
  return length >= 2 && length <= longestSafetensorsHeader && /^\{\s*["}]/.test(text.slice(8))
}
