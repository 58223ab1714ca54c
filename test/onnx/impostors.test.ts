import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { refuseKnownImpostors } from '../../src/onnx/impostors.ts'
import { outcomeOf, refusalOf } from '../support/catalogue.ts'
import { layoutOf } from '../support/inspecting.ts'
import { linearModel } from '../support/onnx-model.ts'
import { encodeModel } from '../support/rich-model.ts'

const model = linearModel([1, 2], [3])

describe('what is often found under the name .onnx is named', () => {
  test.each([
    ['nothing', Buffer.alloc(0), /empty/],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n', /Git LFS/],
    ['an ORT flatbuffer', Buffer.from([0x1c, 0, 0, 0, 0x4f, 0x52, 0x54, 0x4d, 0, 0]), /ORT format/],
    ['a gzipped model', gzipSync(model), /gzip/],
    ['a zip archive', Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), model]), /zip/],
    ['an empty zip archive', Buffer.from('PK\x05\x06', 'latin1'), /zip/],
    ['an AppleDouble file', Buffer.from([0x00, 0x05, 0x16, 0x07, 0, 2, 0, 0]), /AppleDouble/],
    ['an HTML page', '\n  <!DOCTYPE html>\n<html></html>', /HTML/],
    ['an HTML page without a doctype', '<html lang="en">', /HTML/],
    ['an XML document', '<?xml version="1.0"?><Error/>', /XML/],
    ['a JSON object', '{\n  "error": "Not Found"}', /JSON/],
    ['a JSON list', '[[1, 2]]', /JSON/],
    ...[2, 3, 4, 5].map(
      protocol => [`a pickle of protocol ${protocol}`, Buffer.from([0x80, protocol, 0x7d]), /pickle/] as const,
    ),
  ] as const)('%s', (_, content, words) => {
    refusalOf(() => layoutOf(Buffer.from(content)), 'TUREEN_NOT_ONNX', words)
  })

  test.each([
    ['text', 'Hello, this is no model at all.'],
    ['zeros', Buffer.alloc(1000)],
    ['ones', Buffer.alloc(1000, 0xff)],
    ['a PNG image', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
    ['a tarball', Buffer.concat([Buffer.from('model.onnx'), Buffer.alloc(600), Buffer.from('ustar')])],
    ['safetensors', Buffer.concat([Buffer.from([0x40, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{"W":{}}')])],
    ['a single byte', Buffer.from([8])],
    ['a lone Graph', encodeModel({ irVersion: 8 })],
  ])('%s is refused in one way or the other', (_, content) => {
    const refusal = outcomeOf(() => layoutOf(Buffer.from(content)))
    expect(refusal instanceof TureenError && refusal.code).toBeOneOf(['TUREEN_NOT_ONNX', 'TUREEN_MODEL_MALFORMED'])
  })
})

describe('what only looks like one of them is let through', () => {
  const orderedBy = (first: Buffer) => Buffer.concat([first, model])
  test.each([
    ['a model', Buffer.from(model)],
    ['a producer named ORTM', orderedBy(Buffer.from([0x08, 0x08, 0x12, 0x04, 0x4f, 0x52, 0x54, 0x4d]))],
    ['a producer named {"', orderedBy(Buffer.from([0x12, 0x02, 0x7b, 0x22]))],
    ['a first field whose tag is a line feed', orderedBy(Buffer.from([0x0a, 0x02, 0x7b, 0x22]).fill(0, 4))],
  ])('%s', (_, content) => {
    expect(() => refuseKnownImpostors(memorySource(content))).not.toThrow()
  })
})
