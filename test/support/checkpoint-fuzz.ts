import { expect } from 'vitest'
import { readWeights } from '../../src/checkpoint/read-weights.ts'
import { TureenError } from '../../src/errors.ts'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { elementSource } from '../../src/onnx/elements.ts'
import { inspectWeights } from '../../src/threads/inspect-task.ts'
import { outcomeOf } from './catalogue.ts'
import { damagedCheckpoint, hostilePickle, withPickle } from './hostile-checkpoints.ts'
import { threadCost } from './processor-time.ts'
import { runSeed, seededRandom } from './random.ts'

const mebibyte = 2 ** 20

/** Most milliseconds of this thread's processor for one small file, and most MiB for all of them. */
const [mostMilliseconds, mostMebibytes] = [1000, 400]

/** Elements that are read of an accepted tensor. */
const readElements = 1 << 16

const makers = {
  damaged: damagedCheckpoint,
  hostile: (random: ReturnType<typeof seededRandom>) => withPickle(hostilePickle(random)),
}

/**
 * Reads many damaged or hostile checkpoints. Each must end in a result whose elements can be read, or in an error of the catalogue, at once and in
 * little memory.
 * @returns how many were accepted and refused
 */
export function fuzzCheckpoints(kind: keyof typeof makers, count: number): { accepted: number; refused: number } {
  const random = seededRandom(runSeed)
  const ends = { accepted: 0, refused: 0 }
  const before = process.memoryUsage().rss
  for (let index = 0; index < count; index += 1) {
    const bytes = makers[kind](random)
    const what = `file ${index} of seed ${runSeed}: ${bytes.toString('base64')}`
    const cost = threadCost(() => {
      try {
        const outcome = outcomeOf(() => readAll(bytes))
        ends[outcome instanceof TureenError ? 'refused' : 'accepted'] += 1
      } catch (error) {
        throw new Error(what, { cause: error })
      }
    })
    expect(cost, what).toBeLessThan(mostMilliseconds)
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(mostMebibytes * mebibyte)
  return ends
}

function readAll(bytes: Uint8Array): void {
  const source = memorySource(bytes)
  const data = new Map()
  const layout = readWeights({ source, data })
  inspectWeights({ layout, source, data })
  for (const tensor of layout.tensors) {
    const elements = elementSource(tensor, source)
    readBytes(elements, 0, Math.min(elements.byteLength, readElements))
  }
}
