import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { refuseKnownBeginnings, refuseKnownImpostors } from '../../src/onnx/impostors/impostors.ts'
import { outcomeOf, refusalOf } from '../support/catalogue.ts'
import {
  featureOfCoreMl,
  flatbuffer,
  hex,
  latin,
  metaGraph,
  ortModel,
  safetensors,
  tar,
  tensorFlowNode,
  text,
  zipOf,
} from '../support/impostor-files.ts'
import { layoutOf } from '../support/inspecting.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { randomCases } from '../support/random-cases.ts'
import { encodeModel } from '../support/rich-model.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'
import { bytesField, varint, varintField } from '../support/wire-bytes.ts'

const model = linearModel([1, 2], [3])

describe('what is often found under the name .onnx is named, and what to do is said', () => {
  const exported = /[Ee]xport/
  const made = /upload the ONNX model that it was/i
  const cases: [what: string, content: Uint8Array, named: RegExp, advice: RegExp][] = [
    ['nothing', Buffer.alloc(0), /empty/, /Upload/],
    [
      'a Git LFS pointer',
      text('version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n'),
      /Git LFS/,
      /git lfs pull/,
    ],
    ['an ORT flatbuffer', flatbuffer('ORTM'), /ORT format/, made],
    ['an ORT model', ortModel('5', 'ORTM', 4), /ORT format/, made],
    ['an ORT model without the marker', ortModel('1', ''), /ORT format.*NAME\.onnx for NAME\.ort/, made],
    ['an ORT model of three fields without the marker', ortModel('1.4.0', '', 3), /ORT format/, made],
    ['a TensorFlow Lite model', flatbuffer('TFL3'), /TensorFlow Lite/, /tf2onnx/],
    ['an ExecuTorch program', flatbuffer('ET12'), /ExecuTorch/, exported],
    ['a TensorRT engine', hex('70747274'), /TensorRT/, made],
    ['a TensorRT engine of another version', hex('66747274'), /TensorRT/, made],
    ['a GGUF file', Buffer.concat([latin('GGUF'), hex('03000000')]), /GGUF/, exported],
    ['a GGML file', latin('tjgg\x03\0\0\0'), /GGML/, exported],
    ['a Safetensors file', safetensors(), /Safetensors/, exported],
    ['a Safetensors file that is cut off', safetensors().subarray(0, 40), /Safetensors/, exported],
    ['an HDF5 file', hex('894844460d0a1a0a'), /HDF5.*Keras/, /tf2onnx/],
    ['a NumPy array', latin("\x93NUMPY\x01\0v\0{'descr': '<f4'}"), /\.npy/, exported],
    ['an .npz', npz({ x: { descr: '<f4', shape: [1], data: Float32Array.of(1) } }), /\.npz/, /\/v1\/datasets/],
    [
      'a PyTorch checkpoint',
      zipOf('archive/data.pkl', 'archive/version', 'archive/data/0'),
      /PyTorch checkpoint/,
      /torch\.onnx\.export/,
    ],
    [
      'a TorchScript archive',
      zipOf('net/data.pkl', 'net/code/__torch__.py', 'net/constants.pkl'),
      /TorchScript/,
      /torch\.onnx\.export/,
    ],
    ['a Keras archive', zipOf('metadata.json', 'config.json', 'model.weights.h5'), /Keras/, /tf2onnx/],
    [
      'a zip archive of a model',
      zipOf('README.md', 'models/net.onnx'),
      /zip.*models\/net\.onnx/,
      /Unpack it and upload that/,
    ],
    [
      'a zip archive of something',
      zipOf('a.txt', 'b.txt', 'c.txt', 'd.txt'),
      /zip.*a\.txt, b\.txt, c\.txt and more/,
      /Unpack/,
    ],
    ['a zip archive that is cut off', zipOf('archive/data.pkl').subarray(0, 60), /PyTorch/, exported],
    ['a zip archive cut off inside its first name', Buffer.concat([latin('PK\x03\x04'), model]), /zip/, /Unpack/],
    ['an empty zip archive', latin('PK\x05\x06'), /zip/, /Unpack/],
    ['a gzipped model', gzipSync(model), /gzip/, /gunzip.*upload the \.onnx file inside/],
    ['a zstd-compressed model', zstdCompressSync(model), /zstd/, /unzstd/],
    // RFC 8878, 3.1.2: magic, the length of what follows, and that.
    ['a zstd file with a skippable frame first', hex('502a4d180400000000000000'), /zstd/, /unzstd/],
    // lzma.compress(b'', lzma.FORMAT_ALONE)
    ['an lzma-compressed file', hex('5d00008000ffffffffffffffff0083fffb'), /lzma/, /unlzma/],
    ['an xz-compressed file', hex('fd377a585a000004'), /xz/, /unxz/],
    ['a bzip2-compressed file', Buffer.concat([latin('BZh9'), hex('314159265359')]), /bzip2/, /bunzip2/],
    ['an lz4-compressed file', hex('04224d18'), /lz4/, /unlz4/],
    ['a zlib-compressed file', deflateSync(model), /zlib.*joblib/, exported],
    ['a tar archive', tar('model/net.onnx'), /tar archive, which begins with model\/net\.onnx/, /tar -xf/],
    ['a 7z archive', hex('377abcaf271c0004'), /7z/, /7z x/],
    ['a RAR archive', latin('Rar!\x1a\x07\x01\0'), /RAR/, /Unpack/],
    ['an AppleDouble file', hex('0005160700020000'), /AppleDouble/, /beside it/],
    ['a PNG image', hex('89504e470d0a1a0a0000000d49484452'), /image/, /Upload/],
    ['an ELF library', latin('\x7fELF\x02\x01\x01\0'), /program or a library/, /Upload/],
    ['an HTML page', text('\n  <!DOCTYPE html>\n<html></html>'), /HTML/, /Fetch the model again/],
    ['an HTML page without a doctype', text('<html lang="en">'), /HTML/, /Fetch/],
    ['a page that begins with a script', text('<script>location = "/login"</script>'), /HTML/, /Fetch/],
    ['text of Windows PowerShell', Buffer.from('\ufeffir_version: 8', 'utf16le'), /UTF-16.*PowerShell/, /curl -o/],
    ['an XML document', text('<?xml version="1.0"?><Answer/>'), /XML/, /Fetch/],
    [
      'the refusal of an object store',
      text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
      ),
      /AccessDenied/,
      /Fetch/,
    ],
    ['an OpenVINO model', text('<?xml version="1.0"?>\n<net name="resnet" version="11">'), /OpenVINO/, made],
    ['what Hugging Face answers', text('Entry not found'), /"Entry not found"/, /Fetch/],
    ['what GitHub answers', text('404: Not Found'), /"404: Not Found"/, /Fetch/],
    [
      'a refusal in words',
      text('Access to model org/net is restricted. You must be authenticated.'),
      /is restricted/,
      /Fetch/,
    ],
    ['a JSON error', text('{\n  "error": "Repository not found"}'), /JSON error.*Repository not found/, /Fetch/],
    ['a JSON object', text('{"architectures": ["BertModel"]}'), /JSON/, /Upload/],
    ['a JSON list', text('[[1, 2]]'), /JSON/, /Upload/],
    ['a model as JSON', text('{"irVersion": "8", "graph": {}}'), /ONNX model as JSON/, /format="json"/],
    [
      'a model as protobuf text',
      text('ir_version: 7\nproducer_name: "pytorch"\ngraph {\n'),
      /protobuf text/,
      /format="textproto"/,
    ],
    [
      'a model as protobuf text with a comment',
      text('# exported\nopset_import {\n  version: 13\n}'),
      /protobuf text/,
      /textproto/,
    ],
    [
      'a model in textual syntax',
      text('<\n  ir_version: 8,\n  opset_import: ["" : 18]\n>\nagraph (float[N] x) => (y)'),
      /textual syntax/,
      /onnxtxt/,
    ],
    ['a model as protobuf text with a byte order mark', text('\ufeffir_version: 7\n'), /protobuf text/, /textproto/],
    [
      'a graph of ONNX as protobuf text',
      text('node {\n  input: "x"\n  output: "y"\n  name: "r"\n  op_type: "Relu"\n}\nname: "g"\n'),
      /graph of an ONNX model as protobuf text/,
      /onnx\.save/,
    ],
    ['a TensorFlow graph as text', text('node {\n  name: "x"\n  op: "Placeholder"\n}'), /TensorFlow.*text/, /tf2onnx/],
    [
      'a Python script',
      text('import torch\nprint(torch.__version__)\n'),
      /text that begins with "import torch/,
      /Upload/,
    ],
    ['text in UTF-8, cut off inside a character', Buffer.from(`a${'é'.repeat(300)}`), /text/, /Upload/],
    [
      'a frozen TensorFlow graph',
      Buffer.concat([tensorFlowNode('x', 'Placeholder'), tensorFlowNode('y', 'Relu')]),
      /frozen/,
      /tf2onnx/,
    ],
    ['a TensorFlow SavedModel', Buffer.concat([varintField(1, 1), bytesField(2, metaGraph)]), /SavedModel/, /tf2onnx/],
    [
      'a Core ML model',
      Buffer.concat([varintField(1, 4), bytesField(2, featureOfCoreMl), bytesField(500, 'network')]),
      /Core ML/,
      made,
    ],
    ['an ONNX tensor', Buffer.from('080210014a080000803f00000040', 'hex'), /ONNX tensor/, /Upload/],
    [
      'a graph without its model',
      Buffer.concat([
        bytesField(1, [bytesField(1, 'x'), bytesField(4, 'Relu')]),
        bytesField(2, 'g'),
        bytesField(11, ''),
      ]),
      /without the model/,
      /onnx\.save/,
    ],
    ...[2, 3, 4, 5].map((protocol): [string, Uint8Array, RegExp, RegExp] => [
      `a pickle of protocol ${protocol}`,
      Buffer.from([0x80, protocol, 0x7d]),
      /pickle/,
      exported,
    ]),
    // pickle.dumps({}, 0), pickle.dumps([1], 0), pickle.dumps({}, 1), pickle.dumps(collections.OrderedDict(), 0)
    ['a dict pickled by protocol 0', latin('(dp0\n.'), /pickle/, exported],
    ['a list pickled by protocol 0', latin('(lp0\nI1\na.'), /pickle/, exported],
    ['a dict pickled by protocol 1', latin('}q\0.'), /pickle/, exported],
    ['a class pickled by protocol 0', latin('ccollections\nOrderedDict\np0\n(tRp1\n.'), /pickle/, exported],
  ]
  test.each(cases)('%s', (_, content, named, advice) => {
    const { message } = refusalOf(() => layoutOf(Buffer.from(content)), 'TUREEN_NOT_ONNX', named)
    expect(message).toMatch(advice)
  })

  test.each([
    ['zeros', Buffer.alloc(1000)],
    ['ones', Buffer.alloc(1000, 0xff)],
    ['a single byte', Buffer.from([8])],
    ['a model without a graph', encodeModel({ irVersion: 8 })],
  ])('%s is refused in one way or the other', (_, content) => {
    const refusal = outcomeOf(() => layoutOf(Buffer.from(content)))
    expect(refusal instanceof TureenError && refusal.code).toBeOneOf(['TUREEN_NOT_ONNX', 'TUREEN_MODEL_MALFORMED'])
  })

  /** Models with a field of any bytes before the graph, such as those of another format. */
  const disguised = fc
    .tuple(
      fc.constantFrom(2, 3, 4, 6, 8, 14, 120, 500),
      fc.oneof(fc.constantFrom(...cases.map(([, content]) => content)), fc.uint8Array({ maxLength: 40 })),
      fc.boolean(),
    )
    .map(([number, bytes, isFirst]) => {
      const field = bytesField(number, bytes)
      return Buffer.concat(isFirst ? [field, model] : [varintField(1, 8), field, model])
    })

  test('a model is never taken for one of them, whatever stands before its graph', () => {
    fc.assert(
      fc.property(disguised, content => {
        expect(() => refuseKnownImpostors(memorySource(content))).not.toThrow()
      }),
      { numRuns: randomCases(500) },
    )
  })

  test('nor is its beginning', () => {
    // The name of its producer, cut off, could be the graph of a SavedModel.
    expect(() => refuseKnownBeginnings(Buffer.from([8, 8, 18, 29, 10, 16]))).not.toThrow()
    fc.assert(
      fc.property(disguised, fc.nat(), (content, cut) => {
        expect(() => refuseKnownBeginnings(content.subarray(0, cut % (content.byteLength + 1)))).not.toThrow()
      }),
      { numRuns: randomCases(500) },
    )
  })

  test('nor is one that begins like one of them to the byte', () => {
    // Field 15 as a varint has the tag of "x", field 14 of "r" and so on: protobuf lets a reader skip what it does not know.
    for (const start of ['78017801', '789c01', '04224d18', '1f8b0800', '2832', '4747554646'].map(each =>
      Buffer.from(each, 'hex'),
    )) {
      const content = Buffer.concat([start, model])
      const isReadable = !(outcomeOf(() => layoutOf(content)) instanceof TureenError)
      const isRefused = outcomeOf(() => refuseKnownImpostors(memorySource(content))) instanceof TureenError
      expect({ isReadable, isRefused }).not.toEqual({ isReadable: true, isRefused: true })
    }
    expect(varint(0x78)).toEqual(Buffer.from('x'))
  })
})

describeShared('of the shared models', () => {
  const files = (directory: string) =>
    readdirSync(join(sharedDirectory, directory), { recursive: true, withFileTypes: true }).flatMap(entry =>
      entry.isFile() && entry.name.endsWith('.onnx') ? [join(entry.parentPath, entry.name)] : [],
    )

  test.each(['corpus', 'cases', 'fixtures'])('none in %s is taken for something else', directory => {
    const refused = files(directory).filter(
      file => outcomeOf(() => refuseKnownImpostors(memorySource(readFileSync(file)))) instanceof TureenError,
    )
    // One of the corpus is the text "this is not a valid onnx model".
    expect(refused.filter(file => !file.endsWith('corrupt-model.onnx'))).toEqual([])
    expect(files(directory).length).toBeGreaterThan(0)
  })

  test.each(['corpus', 'cases', 'fixtures'])('no beginning of one in %s is taken for something else', directory => {
    const refused = files(directory).filter(file => {
      const start = readFileSync(file).subarray(0, 16_384)
      return outcomeOf(() => refuseKnownBeginnings(start)) instanceof TureenError
    })
    expect(refused.filter(file => !file.endsWith('corrupt-model.onnx'))).toEqual([])
  })

  test('each .ort of the corpus is one, also without its marker', () => {
    const bad = join(sharedDirectory, 'corpus/bad')
    const all = readdirSync(bad).filter(file => file.endsWith('.ort'))
    expect(all.length).toBeGreaterThan(20)
    for (const file of all) {
      const bytes = readFileSync(join(bad, file))
      const unmarked = Buffer.concat([bytes.subarray(0, 4), bytes.subarray(8)])
      // Only the offset of the root counts from the start of the file.
      unmarked.writeUInt32LE(bytes.readUInt32LE(0) - 4, 0)
      for (const content of [bytes, unmarked]) {
        refusalOf(() => refuseKnownImpostors(memorySource(content)), 'TUREEN_NOT_ONNX', /ORT format/)
        refusalOf(() => refuseKnownBeginnings(content.subarray(0, 1024)), 'TUREEN_NOT_ONNX', /ORT format/)
      }
    }
  })
})
