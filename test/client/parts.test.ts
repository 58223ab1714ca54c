import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { filledPath, queryText } from '../../client/addresses.ts'
import { eventParser } from '../../client/server-sent-events.ts'
import { createSha256, declaredDigest, digestHeader, hexDigest } from '../../client/sha256.ts'

describe('a path', () => {
  test('has its values as one step each, and keeps the slashes of a location', () => {
    expect(filledPath('/v1/models/{id}', { id: 'a/b?c#d e%' })).toBe('/v1/models/a%2Fb%3Fc%23d%20e%25')
    expect(filledPath('/v1/models/{id}/data/{location}', { id: 'a', location: 'w/é b.bin' })).toBe(
      '/v1/models/a/data/w/%C3%A9%20b.bin',
    )
  })

  test('is read by a URL as it was written, whatever the location', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('..', '.', '/', 'a', '', '\\'), { minLength: 2 }), pieces => {
        const location = pieces.join('/')
        if (['', '.', '..'].includes(location)) return
        const path = filledPath('/v1/models/a/data/{location}', { location })
        const { pathname } = new URL(`http://a${path}`)
        expect(decodeURIComponent(pathname)).toBe(`/v1/models/a/data/${location}`)
      }),
    )
  })

  test.each(['', '.', '..'])('has no value "%s", which would be another address', id => {
    expect(() => filledPath('/v1/models/{id}', { id })).toThrow(RangeError)
  })

  test('has a query of the parameters that are there', () => {
    expect(queryText({})).toBe('')
    expect(queryText({ limit: 5, cursor: undefined, label: ['a:b c', 'd:&'] })).toBe(
      '?limit=5&label=a%3Ab+c&label=d%3A%26',
    )
  })
})

describe('an event stream', () => {
  const text =
    ': \r\n\r\nid: 1\nevent: log\ndata: {"message":"é"}\n\n: \n\nid: 2\rdata: a\rdata: b\r\revent: x\n\ndata:c\r\n\r\n'
  const events = [
    { id: '1', event: 'log', data: '{"message":"é"}' },
    { id: '2', event: 'message', data: 'a\nb' },
    { id: '2', event: 'message', data: 'c' },
  ]

  test('has the same events wherever it is cut', () => {
    const bytes = new TextEncoder().encode(text)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.byteLength)), cuts => {
        const parse = eventParser()
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.byteLength]
        const pieces = places.slice(1).map((end, index) => bytes.slice(places[index], end))
        expect(pieces.flatMap(parse)).toEqual(events)
      }),
    )
  })
})

describe('a SHA-256', () => {
  test('is that of Node, with and without Node, in pieces of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), pieces => {
        const expected = createHash('sha256').update(Buffer.concat(pieces)).digest('hex')
        for (const platform of [process, undefined]) {
          vi.stubGlobal('process', platform)
          const hash = createSha256()
          vi.unstubAllGlobals()
          for (const piece of pieces) hash.update(piece)
          const digest = hexDigest(hash.digest())
          expect(digest).toBe(`sha256:${expected}`)
          expect(declaredDigest(digestHeader(digest))).toBe(digest)
        }
      }),
    )
  })

  test('is found in a header among other digests, and not in one without it', () => {
    const header = digestHeader(`sha256:${'ab'.repeat(32)}`)
    expect(declaredDigest(`sha-512=:AAAA:, ${header}`)).toBe(`sha256:${'ab'.repeat(32)}`)
    for (const other of [null, '', 'sha-256=:AAAA:', 'unixsum=30637']) expect(declaredDigest(other)).toBeUndefined()
  })
})
