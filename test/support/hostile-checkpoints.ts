import { opcodes, refusedOpcodes } from '../../src/checkpoint/pickle/opcodes.ts'
import { checkpointBytes } from './checkpoints.ts'
import { mutations } from './mutations.ts'
import type { Random } from './random.ts'
import { zipOf } from './stored-zip.ts'

const names = [
  'epoch1.pt',
  'loop.ckpt',
  'protocol4.pt',
  'views.pt',
  'two-roots.pt',
  'step1.safetensors',
  'every-type.safetensors',
]

const numbers = [
  '-1',
  '0',
  '1',
  '4',
  '1.5',
  '1e3',
  '9007199254740991',
  '9007199254740992',
  '18446744073709551616',
  'null',
  '""',
  '[]',
]

/** Returns a checkpoint damaged on the disk, in transfer, or on purpose: bytes anywhere, or numbers and texts of its header. */
export function damagedCheckpoint(random: Random): Buffer {
  const whole = checkpointBytes(random.pick(names))
  let bytes: Buffer = whole[0] === 0x50 || random.integer(0, 2) === 0 ? whole : damagedHeader(whole, random)
  for (let count = random.integer(0, 2); count > 0 && bytes.byteLength > 1; count -= 1)
    bytes = mutations[random.pick(byBytes)]?.(bytes, random) ?? bytes
  return bytes
}

/** Damages that need no fields of protobuf. */
const byBytes = Object.keys(mutations).slice(0, 7)

function damagedHeader(whole: Buffer, random: Random): Buffer {
  const length = Number(whole.readBigUInt64LE(0))
  let header = whole.toString('latin1', 8, 8 + length)
  for (let count = random.integer(1, 3); count > 0; count -= 1) {
    const places = [...header.matchAll(random.pick([/-?\d+/g, /"[^"]*"/g, /[{}[\],:]/g]))]
    if (places.length === 0) break
    const { 0: found, index } = random.pick(places)
    const by = random.pick([
      ...numbers,
      '',
      found + found,
      `"${'x'.repeat(random.integer(0, 40))}"`,
      '{',
      '}',
      '"a":1,',
      '__metadata__',
    ])
    header = header.slice(0, index) + by + header.slice(index + found.length)
  }
  const text = Buffer.from(header, 'latin1')
  const said = random.pick([
    BigInt(text.byteLength),
    BigInt(text.byteLength),
    BigInt(length),
    (1n << 63n) - 1n,
    100_000_001n,
    0n,
  ])
  const head = Buffer.alloc(8)
  head.writeBigUInt64LE(said)
  return Buffer.concat([head, text, whole.subarray(8 + length)])
}

const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const uint64 = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}
const operation = (code: number, ...rest: Uint8Array[]) => Buffer.concat([Buffer.from([code]), ...rest])
const text = (value: string) => operation(opcodes.BINUNICODE, uint32(Buffer.byteLength(value)), Buffer.from(value))
const global = (module: string, name: string) => operation(opcodes.GLOBAL, Buffer.from(`${module}\n${name}\n`))

/** Functions that a pickle must not call. */
const dangerous: readonly (readonly [string, string])[] = [
  ['os', 'system'],
  ['builtins', 'eval'],
  ['builtins', 'getattr'],
  ['torch', 'load'],
  ['torch.storage', '_load_from_bytes'],
  ['torch._utils', '_rebuild_device_tensor_from_numpy'],
  ['torch.nn.modules.linear', 'Linear'],
  ['__main__', 'Net'],
  ['collections', 'OrderedDict'],
  ['torch._utils', '_rebuild_tensor_v2'],
  ['torch._utils', '_rebuild_tensor_v3'],
  ['torch._tensor', '_rebuild_from_type_v2'],
  ['torch', 'FloatStorage'],
  ['torch', 'float32'],
  ['argparse', 'Namespace'],
]

/** Returns an operation with an argument that fits it, or with one that does not. */
function anyOperation(random: Random): Buffer {
  const all = [...Object.values(opcodes), ...refusedOpcodes.keys(), random.integer(0, 255)]
  const code = random.pick(all)
  switch (code) {
    case opcodes.BINUNICODE:
      return random.integer(0, 20) === 0
        ? operation(code, uint32(0xffffffff))
        : text('storage'.slice(0, random.integer(0, 7)))
    case opcodes.BINUNICODE8:
    case opcodes.BINBYTES8:
    case opcodes.BYTEARRAY8:
      return operation(code, uint64(random.pick([0n, 3n, 10_000_000_000n, (1n << 64n) - 1n])), Buffer.from('abc'))
    case opcodes.GLOBAL:
      return global(...random.pick(dangerous))
    case opcodes.BINGET:
    case opcodes.BINPUT:
      return operation(code, Buffer.from([random.integer(0, 5)]))
    case opcodes.PROTO:
      return operation(code, Buffer.from([random.integer(0, 6)]))
    case opcodes.FRAME:
      return operation(code, uint64(5n))
    case opcodes.BININT1:
    case opcodes.SHORT_BINUNICODE:
      return operation(code, Buffer.from([0]))
    case opcodes.LONG1:
      return operation(code, Buffer.from([1, random.integer(0, 255)]))
    case opcodes.LONG_BINPUT:
    case opcodes.LONG_BINGET:
    case opcodes.BININT:
      return operation(code, uint32(random.pick([0, 1, 7, 0x7fffffff, 0xffffffff])))
    default:
      return operation(code)
  }
}

/** A storage of one float, as torch.save refers to it. */
const storage = Buffer.concat([
  operation(opcodes.MARK),
  text('storage'),
  global('torch', 'FloatStorage'),
  text('0'),
  text('cpu'),
  operation(opcodes.BININT1, Buffer.from([1])),
  operation(opcodes.TUPLE),
  operation(opcodes.BINPERSID),
])

/** Returns a number in a pickle: often a small one, at times one that overflows something. */
function anyNumber(random: Random): Buffer {
  const long = (value: bigint) => operation(opcodes.LONG1, Buffer.from([8]), uint64(BigInt.asUintN(64, value)))
  if (random.integer(0, 9) < 8) return operation(opcodes.BININT1, Buffer.from([random.integer(0, 2)]))
  return random.pick([
    long(1n << 40n),
    long((1n << 53n) - 1n),
    long(-1n),
    long(1n << 62n),
    operation(opcodes.BINFLOAT, Buffer.from('3ff8000000000000', 'hex')),
    operation(opcodes.NONE),
  ])
}

/** Returns a dict with a tensor whose offset, size and strides are arbitrary. */
function oddTensor(random: Random): Buffer {
  const rank = random.integer(0, 3)
  const tuple = () => {
    const length = random.integer(0, 9) === 0 ? random.integer(0, 3) : rank
    const items = Array.from({ length }, () => anyNumber(random))
    return Buffer.concat([operation(opcodes.MARK), ...items, operation(opcodes.TUPLE)])
  }
  return Buffer.concat([
    operation(opcodes.EMPTY_DICT),
    text('w'),
    global('torch._utils', '_rebuild_tensor_v2'),
    operation(opcodes.MARK),
    storage,
    anyNumber(random),
    tuple(),
    tuple(),
    operation(opcodes.NEWFALSE),
    operation(opcodes.NONE),
    operation(opcodes.TUPLE),
    operation(opcodes.REDUCE),
    operation(opcodes.SETITEM),
  ])
}

/** Returns lists inside of each other, or tuples that hold the one before twice: 2^depth items if somebody walked them. */
function bomb(random: Random): Buffer {
  const depth = random.integer(10, 3000)
  const doubled = Buffer.concat([operation(opcodes.DUP), operation(opcodes.TUPLE2)])
  const nested = Buffer.concat([operation(opcodes.EMPTY_LIST), operation(opcodes.MARK)])
  const memo = Buffer.concat([
    operation(opcodes.MEMOIZE),
    operation(opcodes.BINGET, Buffer.from([0])),
    operation(opcodes.TUPLE2),
  ])
  const start = operation(opcodes.EMPTY_TUPLE)
  return Buffer.concat([start, ...Array.from({ length: depth }, () => random.pick([doubled, nested, memo]))])
}

/** Returns a pickle that tries to do harm. */
export function hostilePickle(random: Random): Buffer {
  const operations = () => Array.from({ length: random.integer(1, 40) }, () => anyOperation(random))
  const body = random.pick([
    () => operations(),
    () => operations(),
    () => [oddTensor(random)],
    () => [oddTensor(random)],
    () => [bomb(random)],
    () => [oddTensor(random), ...operations()],
    () => [...operations(), oddTensor(random)],
  ])()
  const end = random.integer(0, 9) === 0 ? [] : [operation(opcodes.STOP)]
  return Buffer.concat([operation(opcodes.PROTO, Buffer.from([2])), ...body, ...end])
}

/** Returns a file of torch.save with this pickle, and a storage of one float. */
export function withPickle(pickle: Uint8Array): Buffer {
  return zipOf({ 'archive/data.pkl': pickle, 'archive/data/0': Buffer.alloc(4), 'archive/version': Buffer.from('3\n') })
}
