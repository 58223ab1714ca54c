import type { onnx } from 'onnx-proto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { modelBytesAt, resultOf, uploadInFiles } from '../support/external-client.ts'
import type { ModelInFiles } from '../support/external-model.ts'
import { merge, readProblem } from '../support/http-client.ts'
import { elementType, linearModel } from '../support/onnx-model.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { seededRandom } from '../support/random.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const int4 = 22
const location = 'all.bin'

const upload = (model: ModelInFiles) => uploadInFiles(app.url, model)
const bytesAt = (path: string) => modelBytesAt(app.url, path)

describe('halves and nibbles in an external file', () => {
  const count = 1000
  const offsets = { half: 0, brain: 4096, nibbles: 4096 + 2 * count + 1 }

  /** Three tensors in one file, the nibbles (five of them, in three bytes) at an odd place, and bytes of nobody in between. */
  function model(half: Uint16Array, brain: Uint16Array, nibbles: readonly number[]): ModelInFiles {
    const file = new Uint8Array(offsets.nibbles + 3 + 7).fill(0xa5)
    file.set(new Uint8Array(half.buffer, half.byteOffset, half.byteLength), offsets.half)
    file.set(new Uint8Array(brain.buffer, brain.byteOffset, brain.byteLength), offsets.brain)
    file.set(nibbles, offsets.nibbles)
    const tensor = (name: keyof typeof offsets, dataType: number, dims: number[], length: number) => {
      const entries = { location, offset: offsets[name], length }
      const externalData = Object.entries(entries).map(([key, value]) => ({ key, value: String(value) }))
      return { name, dataType, dims, dataLocation: 1, externalData }
    }
    const main = linearModel([1, 2, 3, 4], [5, 6], (written: onnx.IModelProto & { graph: onnx.IGraphProto }) => {
      Object.assign(written, { irVersion: 10, opsetImport: [{ domain: '', version: 21 }] })
      written.graph.initializer?.push(
        tensor('half', elementType.float16, [count], 2 * count),
        tensor('brain', elementType.bfloat16, [count / 2, 2], 2 * count),
        tensor('nibbles', int4, [5], 3),
      )
    })
    return { main, data: { [location]: file } }
  }

  const random = seededRandom(4)
  /** Finite patterns: any of 16 bits whose exponent is not all ones and not so large that sums overflow. */
  const patterns = (exponentBits: number): Uint16Array =>
    Uint16Array.from({ length: count }, () => {
      const mantissaBits = 15 - exponentBits
      const exponent = random.integer(0, 2 ** exponentBits - 3)
      const sign = random.integer(0, 1) * 0x8000
      return sign + exponent * 2 ** mantissaBits + random.integer(0, 2 ** mantissaBits - 1)
    })

  /** The value of a pattern, by the definition of such formats. */
  function numberOf(bits: number, exponentBits: number): number {
    const mantissaBits = 15 - exponentBits
    const exponent = (bits & 0x7fff) >> mantissaBits
    const fraction = (bits & (2 ** mantissaBits - 1)) / 2 ** mantissaBits
    const bias = 2 ** (exponentBits - 1) - 1
    const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias)
    return bits & 0x8000 ? -magnitude : magnitude
  }

  /** The nearest pattern to a value, found by halving the range of all of them; of two as near, the even one. */
  function nearest(value: number, exponentBits: number): number {
    const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
    let [low, high] = [0, (2 ** exponentBits - 1) * 2 ** (15 - exponentBits)]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (numberOf(middle, exponentBits) <= Math.abs(value)) low = middle
      else high = middle
    }
    const below = Math.abs(value) - numberOf(low, exponentBits)
    const above = numberOf(high, exponentBits) - Math.abs(value)
    return sign + (below < above || (below === above && low % 2 === 0) ? low : high)
  }

  const mean = (a: Uint16Array, b: Uint16Array, weights: readonly [number, number], exponentBits: number) =>
    a.map((bits, index) => {
      const other = b[index] ?? 0
      if (bits === other) return bits
      const [first, second] = [numberOf(bits, exponentBits), numberOf(other, exponentBits)]
      return nearest((weights[0] * first + weights[1] * second) / (weights[0] + weights[1]), exponentBits)
    })

  /** Known by hand: 1 and 2 make 1.5; neighbours make a tie, which goes to the even one; -1 and 1 make 0. */
  const withKnown = (known: readonly number[], rest: Uint16Array) =>
    Uint16Array.from([...known, ...rest.slice(known.length)])
  const [halfA, halfB] = [
    withKnown([0x3c00, 0x3c00, 0x3c01, 0xbc00], patterns(5)),
    withKnown([0x4000, 0x3c01, 0x3c02, 0x3c00], patterns(5)),
  ]
  const [brainA, brainB] = [
    withKnown([0x3f80, 0x3f80, 0x3f81, 0xbf80], patterns(8)),
    withKnown([0x4000, 0x3f81, 0x3f82, 0x3f80], patterns(8)),
  ]
  const nibbles = [0x21, 0xf8, 0x07]

  test('the known answers are those of the definition', () => {
    expect(Array.from(mean(halfA, halfB, [1, 1], 5).slice(0, 4))).toEqual([0x3e00, 0x3c00, 0x3c02, 0])
    expect(Array.from(mean(brainA, brainB, [1, 1], 8).slice(0, 4))).toEqual([0x3fc0, 0x3f80, 0x3f82, 0])
    expect(patterns(5).every(bits => nearest(numberOf(bits, 5), 5) === bits)).toBe(true)
    expect(patterns(8).every(bits => nearest(numberOf(bits, 8), 8) === bits)).toBe(true)
  })

  test.each([
    [1, 1],
    [1, 3],
  ] as const)('are averaged %i:%i, rounded once, and carried', async (...weights) => {
    const [a, b] = [model(halfA, brainA, nibbles), model(halfB, brainB, nibbles)]
    const [first, second] = [await upload(a), await upload(b)]
    const models = [
      { id: first, weight: weights[0] },
      { id: second, weight: weights[1] },
    ]
    const job = await merge(app.url, { models, provenance: false })
    expect(job.result?.report.tensors).toEqual({ averaged: 2, copied: 2, nonFloat: 1 })
    const soup = model(mean(halfA, halfB, weights, 5), mean(brainA, brainB, weights, 8), nibbles)
    expect(Buffer.from(await bytesAt(`${resultOf(job)}/data/${location}`))).toEqual(
      Buffer.from(soup.data[location] ?? []),
    )
    expect(await bytesAt(`${resultOf(job)}/content`)).toEqual(a.main)
    const inline = await bytesAt(`${resultOf(job)}/content?external=inline`)
    expect(initializerBytes(inline, 'nibbles')).toEqual(Buffer.from(nibbles))
    expect(initializerBytes(inline, 'half')).toEqual(Buffer.from(mean(halfA, halfB, weights, 5).buffer))
  })

  test('of which the nibbles differ are refused, or those of the base', async () => {
    const others = [0x22, 0xf8, 0x07]
    const [first, second] = [await upload(model(halfA, brainA, nibbles)), await upload(model(halfB, brainB, others))]
    const models = [{ id: first }, { id: second }]
    const response = await fetch(`${app.url}/v1/merges?wait=30`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ models }),
    })
    const { errors } = await readProblem(response, 422, 'TUREEN_NON_FLOAT_DIFFERS')
    expect(errors).toMatchObject([{ tensor: 'nibbles' }])
    const job = await merge(app.url, { models, base: second, nonFloat: 'base', provenance: false })
    const file = await bytesAt(`${resultOf(job)}/data/${location}`)
    expect(Array.from(file.slice(offsets.nibbles, offsets.nibbles + 3))).toEqual(others)
  })
})
