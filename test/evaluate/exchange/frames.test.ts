import { describe, expect, test } from 'vitest'
import {
  FrameDecoder,
  frameHead,
  frameKinds,
  Misfit,
  messageBuffers,
  mostFrameBytes,
  partsOf,
} from '../../../src/evaluate/exchange/frames.ts'
import { seededRandom } from '../../support/random.ts'
import { randomCases } from '../../support/random-cases.ts'

/** Decodes bytes that arrive in chunks of these lengths, and a rest. */
function decodedIn(bytes: Buffer, lengths: readonly number[]): { kind: number; payload: string }[] {
  const decoder = new FrameDecoder()
  const frames: { kind: number; payload: string }[] = []
  let at = 0
  for (const length of [...lengths, bytes.byteLength]) {
    for (const { kind, payload } of decoder.decode(bytes.subarray(at, at + length)))
      frames.push({ kind, payload: payload.toString('latin1') })
    at += length
  }
  return frames
}

const frame = (payload: string) =>
  Buffer.concat([frameHead(frameKinds.progress, payload.length), Buffer.from(payload, 'latin1')])

describe('frames', () => {
  test('are a length, a kind and the payload', () => {
    expect(frame('[1,2]')).toEqual(Buffer.from([5, 0, 0, 0, 3, 91, 49, 44, 50, 93]))
  })

  test('are read from chunks of any size', () => {
    for (let seed = 0; seed < randomCases(60); seed += 1) {
      const { integer } = seededRandom(seed)
      const payloads = Array.from({ length: integer(0, 6) }, () => 'x'.repeat(integer(0, 30)))
      const bytes = Buffer.concat(payloads.map(frame))
      const lengths = Array.from({ length: integer(0, 20) }, () => integer(0, 12))
      expect(decodedIn(bytes, lengths), `seed ${seed}`).toEqual(payloads.map(payload => ({ kind: 3, payload })))
    }
  })

  test('that are not complete are none yet', () => {
    const decoder = new FrameDecoder()
    expect(decoder.isBetweenFrames).toBe(true)
    expect([...decoder.decode(frame('abc').subarray(0, 7))]).toEqual([])
    expect(decoder.isBetweenFrames).toBe(false)
  })

  test('longer than 1 MiB are refused by their length, before their bytes arrive', () => {
    const decodes = (length: number) => [...new FrameDecoder().decode(frameHead(frameKinds.progress, length))]
    expect(decodes(mostFrameBytes)).toEqual([])
    expect(() => decodes(mostFrameBytes + 1)).toThrow(Misfit)
    expect(() => decodes(0xfffffff0)).toThrow('wrote a frame of 4294967280 bytes, which may have 1048576 at most')
  })
})

describe('a message', () => {
  test('is the number of its parts, and as many frames', () => {
    const body = Buffer.alloc(2 * mostFrameBytes + 1, 7)
    const frames = [...new FrameDecoder().decode(Buffer.concat([...messageBuffers(frameKinds.result, body)]))]
    const sizes = frames.map(({ kind, payload }) => [kind, payload.byteLength])
    const { result, part } = frameKinds
    expect(sizes).toEqual([
      [result, 4],
      [part, mostFrameBytes],
      [part, mostFrameBytes],
      [part, 1],
    ])
    const [first, ...parts] = frames
    expect(Buffer.concat(parts.map(({ payload }) => payload)).equals(body)).toBe(true)
    expect(first && partsOf(first, body.byteLength)).toBe(3)
    expect(() => first && partsOf(first, 2 * mostFrameBytes)).toThrow(Misfit)
  })

  test.each([0, 0xffffffff])('of %s parts is refused', parts => {
    const payload = Buffer.alloc(4)
    payload.writeUInt32LE(parts)
    expect(() => partsOf({ kind: frameKinds.result, payload }, 2 ** 30)).toThrow(Misfit)
  })

  test('whose number of parts is no number is refused', () => {
    expect(() => partsOf({ kind: frameKinds.result, payload: Buffer.alloc(5) }, 2 ** 30)).toThrow(Misfit)
  })
})
