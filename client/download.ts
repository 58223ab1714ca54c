import { reasonOf, TureenConnectionError, TureenDigestError } from './connection-error.ts'
import { createSha256, declaredDigest, hexDigest } from './sha256.ts'
import { soon } from './soon.ts'

/** Facts about a file that the server offers. */
export type ContentFacts = {
  /** Bytes of the whole file; null if the server does not say. */
  bytes: number | null
  /** Digest of the whole file, `sha256:<hex>`; null if the server does not say. */
  sha256: string | null
  etag: string | null
  /** Name that the server proposes for the file. */
  filename: string | null
}

/** A file that is being downloaded. */
export type Download = ContentFacts & {
  /** The bytes. The stream ends with an error if they do not have the digest `sha256`: keep them only after its end. */
  body: ReadableStream<Uint8Array<ArrayBuffer>>
  /** Reads the stream to its end. */
  read(): Promise<Uint8Array<ArrayBuffer>>
}

/** Returns the facts about a file from the headers of an answer. */
export function factsOf(headers: Headers): ContentFacts {
  const whole = /^bytes (?:\d+-\d+|\*)\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1]
  const length = whole ?? headers.get('content-length')
  return {
    bytes: length === null ? null : Number(length),
    sha256: declaredDigest(headers.get('repr-digest')) ?? null,
    etag: headers.get('etag'),
    filename: filenameOf(headers.get('content-disposition') ?? ''),
  }
}

function filenameOf(disposition: string): string | null {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1]
  const quoted = /filename="([^"]*)"/i.exec(disposition)?.[1]
  return encoded === undefined ? (quoted ?? null) : decodeURIComponent(encoded)
}

/** How a {@link downloadFrom} reads, and goes on after its connection has broken. */
export type DownloadSource = {
  /** The name of the file in errors. */
  what: string
  /** The first answer. */
  first: Response
  facts: ContentFacts
  /** First and last byte to read; the whole file if undefined. */
  range?: { start: number; end?: number } | undefined
  /** Asks for the bytes from `offset` on; undefined if the content cannot be asked for once more. */
  resume: ((offset: number) => Promise<Response>) | undefined
  /** True if the download may go on after this failure. Waits before it answers. @param failures how many came without a byte between them */
  mayGoOn(error: unknown, failures: number): Promise<boolean>
  silenceSeconds: number
  signal: AbortSignal | undefined
  onProgress: ((progress: { received: number; total: number | null }) => void) | undefined
}

/** Returns a download that goes on where it was when its connection breaks, and verifies the digest of the whole file. */
export function downloadFrom(source: DownloadSource): Download {
  const body = resumingStream(source)
  return { ...source.facts, body, read: async () => new Uint8Array(await new Response(body).arrayBuffer()) }
}

function resumingStream(source: DownloadSource): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { what, facts, range, resume, onProgress, signal } = source
  const start = range?.start ?? 0
  const end = range?.end === undefined ? facts.bytes : Math.min(range.end + 1, facts.bytes ?? Number.POSITIVE_INFINITY)
  const hash = range ? undefined : createSha256()
  let offset = start
  let failures = 0
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined = readerOf(source.first)

  const next = async (): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    if (!reader && end !== null && offset >= end) return undefined
    reader ??= resume && (await resumedReader(await resume(offset), source, offset))
    const piece = await soon(reader?.read(), source.silenceSeconds, signal)
    if (piece?.value) return piece.value
    if (end !== null && offset < end) throw new TureenConnectionError(`${what} ended after ${offset} of ${end} bytes`)
    return undefined
  }
  const give = (piece: Uint8Array<ArrayBuffer>) => {
    offset += piece.byteLength
    failures = 0
    hash?.update(piece)
    onProgress?.({ received: offset - start, total: end === null ? null : end - start })
    return piece
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        for (;;) {
          try {
            signal?.throwIfAborted()
            const piece = await next()
            if (piece) return controller.enqueue(give(piece))
            break
          } catch (error) {
            // The broken connection itself may reject this.
            reader?.cancel().catch(() => undefined)
            reader = undefined
            signal?.throwIfAborted()
            failures += 1
            if (error instanceof ContentChanged || !resume || !(await source.mayGoOn(error, failures)))
              throw asConnectionError(what, error)
          }
        }
        const actual = hash && hexDigest(hash.digest())
        if (actual !== undefined && facts.sha256 !== null && actual !== facts.sha256)
          throw new TureenDigestError(what, facts.sha256, actual)
        controller.close()
      },
      cancel: reason => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

function readerOf({ body }: Response): ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined {
  return body?.getReader()
}

/** Returns a reader whose next byte is that at `offset`. @throws TureenConnectionError if the content has changed */
async function resumedReader(response: Response, { what, facts, range }: DownloadSource, offset: number) {
  const reader = readerOf(response)
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1]
  const isSame = facts.etag !== null && response.headers.get('etag') === facts.etag
  if (isSame && response.status === 206 && Number(start) === offset) return reader
  if (response.status === 206 || !isSame || range) {
    await reader?.cancel()
    throw new ContentChanged(`${what} has changed while it was downloaded. Download it again.`)
  }
  return reader && skipping(reader, offset)
}

/** The whole content came instead of the rest: leaves out the bytes that are there already. */
function skipping(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  bytes: number,
): ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> {
  let left = bytes
  const rest = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        const skipped = Math.min(left, value.byteLength)
        left -= skipped
        if (skipped < value.byteLength) return controller.enqueue(value.subarray(skipped))
      }
    },
    cancel: reason => reader.cancel(reason),
  })
  return rest.getReader()
}

/** The content under an address is another one now, so that a download of it cannot go on. */
class ContentChanged extends TureenConnectionError {}

function asConnectionError(what: string, error: unknown): Error {
  if (error instanceof Error && error.name.startsWith('Tureen')) return error
  return new TureenConnectionError(`${what} broke off: ${reasonOf(error)}`, { cause: error })
}
