import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { refuseKnownBeginnings } from '../../src/onnx/impostors/impostors.ts'
import { outcomeOf, refusalOf } from '../support/catalogue.ts'
import {
  flatbuffer,
  hex,
  latin,
  metaGraph,
  ortModel,
  tar,
  tensorFlowNode,
  text,
  zipOf,
} from '../support/impostor-files.ts'
import { layoutOf } from '../support/inspecting.ts'
import { npz } from '../support/npz.ts'
import { randomCases } from '../support/random-cases.ts'
import { varintField } from '../support/wire-bytes.ts'

describe('files that are no models are known by their beginning', () => {
  /** A beginning of 16 KiB of a file that goes on, with the bytes of each kind first. */
  const beginning = (start: Uint8Array, filling: number) =>
    Buffer.concat([start, Buffer.alloc(16 * 1024 - start.byteLength, filling)])
  const metaInfo = Buffer.concat([varintField(1, 1), Buffer.from([0x12, 0x80, 0x80, 0x80, 0x20]), metaGraph])
  test.each<[string, Uint8Array, number, RegExp]>([
    ['a zip archive of PyTorch', zipOf('archive/data.pkl', 'archive/version').subarray(0, 120), 0, /PyTorch/],
    ['an .npz', npz({ x: { descr: '<f4', shape: [1], data: Float32Array.of(1) } }).subarray(0, 180), 0, /\.npz/],
    ['a pickle', Buffer.from([0x80, 4, 0x95, 1, 2, 3]), 0, /pickle/],
    ['HDF5', hex('894844460d0a1a0a'), 0xff, /HDF5/],
    [
      'Safetensors',
      Buffer.concat([hex('f0ff000000000000').subarray(0, 8), latin('{"W":{"dtype":')]),
      0x20,
      /Safetensors/,
    ],
    ['gzip', hex('1f8b0800'), 0x55, /gzip/],
    ['GGUF', latin('GGUF\x03\0\0\0'), 0, /GGUF/],
    ['an ORT model', hex('140000004f52544d0c0010000c000800000004000c000000'), 0, /ORT format/],
    ['an ORT model without the marker', ortModel('1', ''), 0x40, /ORT format/],
    ['TensorFlow Lite', flatbuffer('TFL3'), 0, /TensorFlow Lite/],
    ['a frozen TensorFlow graph', tensorFlowNode('x', 'Placeholder'), 0x0a, /frozen/],
    ['a TensorFlow SavedModel', metaInfo, 0x2a, /SavedModel/],
    ['JSON', text('{"architectures": ["BertModel"], "text": "'), 0x61, /JSON/],
    ['HTML', text('<!DOCTYPE html>\n<html><body>'), 0x20, /HTML/],
    ['a tar archive', tar('model/net.onnx'), 0, /tar archive/],
    ['NumPy', latin("\x93NUMPY\x01\0v\0{'descr': '<f4'}"), 0x20, /\.npy/],
  ])('%s', (_, start, filling, named) => {
    refusalOf(() => refuseKnownBeginnings(beginning(start, filling)), 'TUREEN_NOT_ONNX', named)
  })

  test('bytes of an unknown kind, but only if the reader refuses whatever may follow', () => {
    const bytes = (minLength: number) => fc.uint8Array({ minLength, maxLength: 60 })
    let refusals = 0
    fc.assert(
      fc.property(bytes(40), bytes(0), (begun, more) => {
        const isRefused = outcomeOf(() => refuseKnownBeginnings(begun)) instanceof TureenError
        const isRead = !(outcomeOf(() => layoutOf(Buffer.concat([begun, more]))) instanceof TureenError)
        refusals += Number(isRefused)
        expect(isRefused && isRead).toBe(false)
      }),
      { numRuns: randomCases(500) },
    )
    expect(refusals).toBeGreaterThan(0)
  })

  test('compressed files, whatever is in them', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const noise = Buffer.from(
        Uint8Array.from({ length: 40_000 }, (_, at) => (Math.imul(at + seed, 0x9e3779b1) >>> 13) & 255),
      )
      for (const whole of [gzipSync(noise), deflateSync(noise)])
        refusalOf(() => refuseKnownBeginnings(whole.subarray(0, 16_384)), 'TUREEN_NOT_ONNX', /compressed/)
    }
  })
})
