import type { FastifyRequest } from 'fastify'
import { TureenError } from '../errors.ts'
import { checkedBeginning } from './body-beginning.ts'

/** The first lines of a form: a boundary, and the header of a part (RFC 7578, 4.2). */
const formBegins = /^(?:\r?\n)?--([^\r\n]{1,70})\r?\ncontent-(?:disposition|type|length|transfer-encoding):/i
/** Bytes that hold those lines. */
const linesBytes = 128

/**
 * Yields the chunks of a raw body. It refuses a form whose content type says otherwise, since its boundaries would become part of the file.
 * @throws TureenError `TUREEN_UNSUPPORTED_MEDIA_TYPE`
 */
export function rawChunks(
  chunks: AsyncIterable<Uint8Array>,
  { headers }: Pick<FastifyRequest, 'headers'>,
): AsyncIterable<Uint8Array> {
  const check = (beginning: Uint8Array) => {
    const boundary = formBegins.exec(Buffer.from(beginning).toString('latin1'))?.[1]
    if (boundary !== undefined) throw formAsRaw(`multipart/form-data; boundary=${boundary}`, headers['content-type'])
  }
  return checkedBeginning(chunks, check, linesBytes)
}

function formAsRaw(expected: string, actual = 'missing'): TureenError {
  const message = `the body is a form, and its content type is ${actual}`
  return new TureenError(
    'TUREEN_UNSUPPORTED_MEDIA_TYPE',
    `T${message.slice(1)}. Let your HTTP client set this header, or write ${expected}; or send the file alone.`,
    [{ field: 'content-type', expected, actual, message }],
  )
}
