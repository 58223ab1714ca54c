import { describe, expect, test } from 'vitest'
import { checkpointLimits } from '../../src/checkpoint/checkpoint-limits.ts'
import { opcodes } from '../../src/checkpoint/pickle/opcodes.ts'
import { readPickle } from '../../src/checkpoint/pickle/read-pickle.ts'
import { readWeights } from '../../src/checkpoint/read-weights.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { fuzzCheckpoints } from '../support/checkpoint-fuzz.ts'
import { withPickle } from '../support/hostile-checkpoints.ts'
import { threadCost } from '../support/processor-time.ts'
import { runSeed } from '../support/random.ts'
import { randomCases } from '../support/random-cases.ts'

const pickle = (...parts: (number | string | Uint8Array)[]) =>
  Buffer.concat(parts.map(part => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))))
const repeated = (count: number, ...codes: number[]) => Buffer.alloc(count * codes.length, Buffer.from(codes))

const refused = (code: string, words: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(words) })

describe('a pickle', () => {
  test.each([
    ['os\nsystem\n', 'os.system'],
    ['builtins\neval\n', 'builtins.eval'],
    ['__builtin__\neval\n', 'builtins.eval'],
    ['torch\nload\n', 'torch.load'],
    ['torch.hub\nload\n', 'torch.hub.load'],
    ['torch._utils\n__builtins__\n', 'torch._utils.__builtins__'],
    ['torch\nconstructor\n', 'torch.constructor'],
  ])('that names %j is refused by that name, before it could be called', (name, shown) => {
    expect(() => readPickle(pickle(opcodes.GLOBAL, name, '.'))).toThrow(
      refused('TUREEN_CHECKPOINT_UNSUPPORTED', new RegExp(shown.replaceAll('.', '\\.'))),
    )
  })

  test('that names a function by two texts is refused likewise', () => {
    const bytes = pickle(opcodes.SHORT_BINUNICODE, 2, 'os', opcodes.SHORT_BINUNICODE, 6, 'system', opcodes.STACK_GLOBAL)
    expect(() => readPickle(bytes)).toThrow(refused('TUREEN_CHECKPOINT_UNSUPPORTED', /os\.system/))
  })

  test.each([
    ['INST', '(ios\nsystem\n.'],
    ['OBJ', '(o.'],
    ['EXT1', '\x82\x01.'],
    ['INT', 'I1\n.'],
  ])('with the operation %s is refused by that name', (name, text) => {
    expect(() => readPickle(Buffer.from(text, 'latin1'))).toThrow(
      refused('TUREEN_CHECKPOINT_UNSUPPORTED', new RegExp(name)),
    )
  })

  test('that says to have a text of 10 GB is refused at once', () => {
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(10_000_000_000n)
    const cost = threadCost(() =>
      expect(() => readPickle(pickle(opcodes.BINUNICODE8, length, 'abc'))).toThrow(
        refused('TUREEN_CHECKPOINT_MALFORMED', /ends at byte/),
      ),
    )
    expect(cost).toBeLessThan(500)
  })

  test('with tuples that each hold the one before twice takes no more than its bytes', () => {
    const bytes = pickle(opcodes.EMPTY_TUPLE, repeated(100_000, opcodes.DUP, opcodes.TUPLE2), '.')
    expect(readPickle(bytes)).toMatchObject({ kind: 'tuple' })
    expect(() => readWeights({ source: memorySource(withPickle(bytes)), data: new Map() })).toThrow(
      refused('TUREEN_CHECKPOINT_UNSUPPORTED', /holds a tuple/),
    )
  })

  test('that opens too many collections inside each other is refused', () => {
    const bytes = repeated(checkpointLimits.pickleDepth + 1, opcodes.MARK)
    expect(() => readPickle(bytes)).toThrow(refused('TUREEN_MODEL_LIMIT', /nested collections/))
  })

  test('that makes too many values at a time is refused', () => {
    const bytes = repeated(checkpointLimits.pickleStack + 1, opcodes.NONE)
    expect(() => readPickle(bytes)).toThrow(refused('TUREEN_MODEL_LIMIT', /values at a time/))
  })

  test('that makes too many collections is refused', () => {
    const bytes = repeated(checkpointLimits.pickleObjects + 1, opcodes.EMPTY_DICT, opcodes.POP)
    expect(() => readPickle(bytes)).toThrow(refused('TUREEN_MODEL_LIMIT', /texts and collections/))
  })

  test('that ends without STOP, or in a value, is refused', () => {
    for (const bytes of [pickle(), pickle(opcodes.NONE), pickle(opcodes.BINFLOAT, 'abc')])
      expect(() => readPickle(bytes)).toThrow(refused('TUREEN_CHECKPOINT_MALFORMED', /ends at byte/))
  })
})

test(`damaged and hostile checkpoints (seed ${runSeed}) each end in a result or a refusal`, () => {
  for (const kind of ['damaged', 'hostile'] as const) {
    const { accepted, refused } = fuzzCheckpoints(kind, randomCases(1500))
    expect(accepted).toBeGreaterThan(0)
    expect(refused).toBeGreaterThan(0)
  }
}, 60_000)
