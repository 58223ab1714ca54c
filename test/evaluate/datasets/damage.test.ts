import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Random, runSeed, seededRandom } from '../../support/random.ts'
import { fixture, outcome } from './dataset-fixtures.ts'
import { temporaryFiles } from './temporary-files.ts'

const file = temporaryFiles()

describe('random damage', () => {
  const npz = [
    'stored',
    'compressed',
    'dtypes',
    'big-endian',
    'strings',
    'fortran',
    'constants',
    'extras',
    'no-elements',
  ]
  const tensors = [
    'raw-f4',
    'typed-f4',
    'typed-i8',
    'typed-f2',
    'strings',
    'scalar',
    'refused-sequence',
    'refused-external',
  ]
  const originals = [
    ...npz.map(name => ({ name: `${name}.npz`, bytes: readFileSync(fixture(`${name}.npz`).path) })),
    ...tensors.map(name => ({ name: 'input_0.pb', bytes: readFileSync(fixture(`tensors/${name}.pb`).path) })),
  ]

  test(`2,000 files end in a result or a refusal (seed ${runSeed})`, async () => {
    const random = seededRandom(runSeed)
    const attempts = Array.from({ length: 2000 }, () => {
      const { name, bytes } = random.pick(originals)
      return { name, bytes: damaged(bytes, random), memoryBytes: random.pick([2 ** 28, 1000, 0]) }
    })
    let refused = 0
    const work = async () => {
      for (let next = attempts.pop(); next; next = attempts.pop()) {
        if ((await outcome([file(next.name, next.bytes)], next.memoryBytes)) !== null) refused += 1
      }
    }
    await Promise.all([work(), work(), work(), work()])
    expect(refused).toBeGreaterThan(1000)
  })
})

/** A copy with some bytes changed, taken out or put in; most often where directories and headers are. */
function damaged(bytes: Uint8Array, random: Random): Uint8Array {
  const result = [...bytes]
  for (let change = random.integer(1, 3); change > 0; change -= 1) {
    const from = random.pick([0, 0, Math.max(0, result.length - 200)])
    const at = random.integer(from, result.length - 1)
    const byte = random.pick([0, 1, 0x7f, 0x80, 0xff, random.integer(0, 255)])
    const kind = random.integer(0, 9)
    if (kind === 0) result.splice(at, random.integer(1, 8))
    else if (kind === 1) result.splice(at, 0, byte)
    else result[at] = byte
  }
  return Uint8Array.from(result)
}
