import { describe, expect, test } from 'vitest'
import { readWeights } from '../../src/checkpoint/read-weights.ts'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { elementSource } from '../../src/onnx/elements.ts'
import { dtypeName } from '../../src/tensor/dtype.ts'
import { checkpoint, checkpointBytes, expectedTensors, layoutOfCheckpoint } from '../support/checkpoints.ts'
import { virtualSource } from '../support/virtual-source.ts'

describe('a file of torch.save', () => {
  test.each(['epoch1.pt', 'loop.ckpt', 'protocol4.pt', 'views.pt', 'two-roots.pt', 'float8.pt'])(
    '%s has the tensors that PyTorch has in it',
    name => {
      const source = checkpoint(name)
      const read = layoutOfCheckpoint(name).tensors.map(tensor => {
        const elements = elementSource(tensor, source)
        const hex = Buffer.from(readBytes(elements, 0, elements.byteLength)).toString('hex')
        return [tensor.name, { dtype: dtypeName(tensor.dataType), dims: tensor.dims, hex }]
      })
      expect(Object.fromEntries(read)).toEqual(expectedTensors(name))
    },
  )

  test('views are read in pieces of any size', () => {
    const source = checkpoint('views.pt')
    for (const tensor of layoutOfCheckpoint('views.pt').tensors) {
      const elements = elementSource(tensor, source)
      const whole = readBytes(elements, 0, elements.byteLength)
      for (let at = 0; at < whole.byteLength; at += 3)
        for (const length of [1, 2, 3, 7].filter(each => at + each <= whole.byteLength))
          expect(readBytes(elements, at, length)).toEqual(whole.slice(at, at + length))
    }
  })

  test('says where the dict of tensors was found, and what it has beside', () => {
    expect(layoutOfCheckpoint('loop.ckpt').checkpoint).toMatchObject({ root: 'state_dict', roots: ['state_dict', ''] })
    expect(layoutOfCheckpoint('epoch1.pt').checkpoint).toMatchObject({ root: '', roots: [''], ignored: [] })
  })

  test('the first usual key is taken, and another one can be chosen', () => {
    expect(layoutOfCheckpoint('two-roots.pt').checkpoint).toMatchObject({ root: 'model', roots: ['model', 'ema'] })
    const source = checkpoint('two-roots.pt')
    const valueAt = (root: string) => {
      const [tensor] = readWeights({ source, data: new Map() }, root).tensors
      return tensor && new DataView(readBytes(elementSource(tensor, source), 0, 4).buffer).getFloat32(0, true)
    }
    expect(['model', 'ema', 'more/inner'].map(valueAt)).toEqual([1, 2, 3])
    expect(() => valueAt('head')).toThrow(/no dict of tensors under head; it has some under: model, ema/)
  })

  test.each([
    ['module.pt', 'TUREEN_CHECKPOINT_UNSUPPORTED', /pickles an object of code.*torch\.nn\.modules.*state_dict\(\)/s],
    ['before-1.6.pt', 'TUREEN_NOT_ONNX', /before version 1\.6.*torch\.save\(torch\.load/],
    ['script.pt', 'TUREEN_NOT_ONNX', /TorchScript/],
    ['mp_rank_00_model_states.pt', 'TUREEN_CHECKPOINT_UNSUPPORTED', /DeepSpeed.*zero_to_fp32/],
    ['__0_0.distcp', 'TUREEN_CHECKPOINT_UNSUPPORTED', /torch\.distributed\.checkpoint.*dcp_to_torch_save/],
    ['sparse.pt', 'TUREEN_CHECKPOINT_UNSUPPORTED', /_rebuild_sparse_tensor.*to_dense/],
    ['deflated.pt', 'TUREEN_CHECKPOINT_UNSUPPORTED', /compressed entry/],
    ['no-tensors.pt', 'TUREEN_CHECKPOINT_UNSUPPORTED', /has the keys epoch, names/],
    ['one-tensor.pt', 'TUREEN_CHECKPOINT_UNSUPPORTED', /holds a tensor, and no dict/],
  ])('%s is refused with the way out', (name, code, message) => {
    expect(() => layoutOfCheckpoint(name)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })
})

describe('a safetensors file', () => {
  test('is indexed with its types, dims, places and texts', () => {
    const layout = layoutOfCheckpoint('step1.safetensors')
    expect(layout.checkpoint).toMatchObject({
      format: 'safetensors',
      metadata: new Map([
        ['format', 'pt'],
        ['step', '1'],
      ]),
    })
    expect(layout.tensors.map(({ name, dataType, dims }) => [name, dtypeName(dataType), dims])).toEqual([
      ['layers.0.double', 'float64', [3, 2]],
      ['layers.0.single', 'float32', [2, 3]],
      ['layers.1.half', 'float16', [5]],
      ['layers.1.brain', 'bfloat16', [4]],
      ['position_ids', 'int64', [1, 3]],
      ['flags', 'bool', [2]],
    ])
  })

  test('has every element type of the format, and each has its own bytes', () => {
    const source = checkpoint('every-type.safetensors')
    const { tensors } = layoutOfCheckpoint('every-type.safetensors')
    expect(tensors).toHaveLength(22)
    for (const tensor of tensors) {
      const elements = elementSource(tensor, source)
      const bytes = readBytes(elements, 0, elements.byteLength)
      expect([...bytes]).toEqual(Array.from(bytes, (_, index) => index + 1))
    }
  })

  test('in several shards is read by its index', () => {
    const source = checkpoint('model.safetensors.index.json')
    const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    const names = [first ?? '', second ?? '']
    const data = new Map(names.map(name => [name, checkpoint(name)]))
    const layout = readWeights({ source, data })
    const read = layout.tensors.map(tensor => {
      const elements = elementSource(tensor, source, data)
      return [tensor.name, Buffer.from(readBytes(elements, 0, elements.byteLength)).toString('hex')]
    })
    expect(Object.fromEntries(read)).toEqual({
      'a.weight': '0000803f00000040',
      'b.weight': '0000404000008040',
      'b.count': '0700000000000000',
    })
  })

  test.each([
    ['{"metadata": {"a": [1, {"b": null}], "c": "]}"}, "weight_map": {}}', null],
    ['{"metadata": 1.5e3, "weight_map": {}, "more": true}', null],
    ['{"metadata": ], "weight_map": {}}', /a value is expected/],
    ['{"metadata": {"a": [}, "weight_map": {}}', /a value|is expected/],
    ['{"metadata": {, "weight_map": {}', /is expected/],
    ['{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}', /"a" twice/],
    ['{"weight_map": {"a": ""}}', /without a name/],
    ['{"weight_map": {"a": "pytorch_model-1.bin"}}', /shards of PyTorch/],
  ])('whose index is %s is read or refused', (text, refusal) => {
    const read = () => readWeights({ source: memorySource(Buffer.from(text)), data: new Map() })
    if (refusal === null) expect(read().tensors).toEqual([])
    else expect(read).toThrow(refusal)
  })

  const header = (text: string, data = 0) => {
    const bytes = Buffer.from(text)
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(bytes.byteLength))
    return memorySource(Buffer.concat([length, bytes, Buffer.alloc(data)]))
  }
  const tensor = (dtype: string, shape: string, offsets: string) =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`

  test.each([
    [
      'a key twice',
      `{"a":${tensor('F32', '[1]', '[0,4]')},"a":${tensor('F32', '[1]', '[4,8]')}}`,
      8,
      /the key "a" twice/,
    ],
    [
      'a key twice, once escaped',
      `{"a":${tensor('F32', '[1]', '[0,4]')},"\\u0061":${tensor('F32', '[1]', '[4,8]')}}`,
      8,
      /"a" twice/,
    ],
    ['a field twice', `{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}`, 4, /"dtype" twice/],
    ['a gap', `{"a":${tensor('F32', '[1]', '[4,8]')}}`, 8, /4 bytes before the tensor a/],
    [
      'an overlap',
      `{"a":${tensor('F32', '[1]', '[0,4]')},"b":${tensor('F32', '[1]', '[2,6]')}}`,
      6,
      /shares bytes with a/,
    ],
    ['bytes at the end', `{"a":${tensor('F32', '[1]', '[0,4]')}}`, 5, /1 bytes after its last tensor/],
    ['too few bytes', `{"a":${tensor('F32', '[1]', '[0,4]')}}`, 3, /ends at byte/],
    ['other bytes than its shape', `{"a":${tensor('F32', '[2]', '[0,4]')}}`, 4, /has 8 bytes by its shape/],
    ['an unknown type', `{"a":${tensor('F33', '[1]', '[0,4]')}}`, 4, /element type F33; known are BOOL/],
    ['half a byte', `{"a":${tensor('F4', '[1]', '[0,1]')}}`, 1, /fill no whole bytes/],
    ['too many elements', `{"a":${tensor('U8', '[9007199254740991,2]', '[0,1]')}}`, 1, /more elements than can be/],
    ['a negative dim', `{"a":${tensor('U8', '[-1]', '[0,1]')}}`, 1, /a whole number is expected/],
    ['a dim with a fraction', `{"a":${tensor('U8', '[1.0]', '[0,1]')}}`, 1, /\] is expected/],
    ['no shape', `{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 1, /lacks dtype, shape/],
    ['text after its end', `{"a":${tensor('U8', '[1]', '[0,1]')}} x`, 1, /nothing more is expected/],
    ['a comma too many', `{"a":${tensor('U8', '[1]', '[0,1]')},}`, 1, /name of a tensor is expected/],
    ['a lone surrogate', `{"\\ud800":${tensor('U8', '[1]', '[0,1]')}}`, 1, /in UTF-8 is expected/],
  ])('with %s is refused', (_, text, data, message) => {
    expect(() => readWeights({ source: header(text, data), data: new Map() })).toThrow(
      expect.objectContaining({ code: 'TUREEN_CHECKPOINT_MALFORMED', message: expect.stringMatching(message) }),
    )
  })

  test('with spaces behind its header, and a header only, is read', () => {
    expect(readWeights({ source: header('{}   '), data: new Map() }).tensors).toEqual([])
    const texts = readWeights({ source: header('{"__metadata__":{"a":"\\u0000\\"é"}}'), data: new Map() }).checkpoint
      ?.metadata
    expect(texts).toEqual(new Map([['a', '\0"é']]))
  })

  test('of more than 4 GiB is indexed without a look at its elements', () => {
    const text = Buffer.from(
      `{"a":${tensor('F32', '[1500000000]', '[0,6000000000]')},"b":${tensor('F32', '[1]', '[6000000000,6000000004]')}}`,
    )
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(text.byteLength))
    const source = virtualSource([length, text, { hole: 6_000_000_000 }, Buffer.from([0, 0, 128, 63])])
    const { tensors } = readWeights({ source, data: new Map() })
    expect(tensors.map(({ elements }) => elements)).toEqual([1_500_000_000, 1])
    const [, b] = tensors
    expect(b && readBytes(elementSource(b, source), 0, 4)).toEqual(Uint8Array.of(0, 0, 128, 63))
  })

  test('with more texts than the limit is refused', () => {
    const texts = Array.from({ length: 100_001 }, (_, index) => `"${index}":""`).join()
    expect(() => readWeights({ source: header(`{"__metadata__":{${texts}}}`), data: new Map() })).toThrow(
      expect.objectContaining({ code: 'TUREEN_MODEL_LIMIT', message: expect.stringMatching(/100,000 texts/) }),
    )
  })

  test('with a header beyond the limit is refused before it is read', () => {
    const bytes = checkpointBytes('step1.safetensors')
    bytes.writeBigUInt64LE(100_000_001n)
    expect(() => readWeights({ source: memorySource(bytes), data: new Map() })).toThrow(/100,000,000 is the limit/)
  })
})
