import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { listenOn } from './listening.ts'

/**
 * A small S3 server inside this process, with one bucket, whose faults a test decides. It checks the expiry of signed URLs by its own clock, as
 * S3 does, and no signature.
 */
export type SmallS3 = {
  /** The variables with which the SDK uses it. */
  variables: Record<string, string>
  /** Keys of all objects. */
  keys(): string[]
  /** Methods and keys of all requests, in order. */
  requests: string[]
  /** Unfinished uploads in parts, by id. */
  uploads: Map<string, { key: string; initiated: Date }>
  /** Milliseconds by which its clock is ahead of this machine's. */
  clockAhead: number
  /** Receives matching requests from now on and answers none of them. @param matches undefined: all requests */
  freeze(matches?: (request: IncomingMessage) => boolean): void
  /** Does what the frozen requests ask for, and answers again. @returns the statuses of those requests */
  thaw(): Promise<number[]>
  close(): Promise<void>
}

/** Most uploads that S3 lists on a page. */
const pageSize = 1000

/** Starts the server, with an empty bucket of any name. */
export async function startSmallS3(): Promise<SmallS3> {
  const objects = new Map<string, Buffer>()
  const uploads: SmallS3['uploads'] = new Map()
  const requests: string[] = []
  const frozen: (() => number)[] = []
  let isFrozen: (request: IncomingMessage) => boolean = () => false
  const now = () => Date.now() + s3.clockAhead

  /** Does what a request asks for. @returns status, headers and body of the answer */
  const act = (request: IncomingMessage, url: URL, body: Buffer) => {
    const [key, parameters] = [decodeURIComponent(url.pathname.split('/').slice(2).join('/')), url.searchParams]
    if (hasExpired(parameters, now())) return { status: 403, text: '<Error><Code>AccessDenied</Code></Error>' }
    const object = objects.get(key)
    const upload = parameters.get('uploadId')
    if (request.method === 'GET' && parameters.has('uploads'))
      return { status: 200, text: uploadsPage(uploads, parameters) }
    if (request.method === 'DELETE' && upload !== null) return { status: uploads.delete(upload) ? 204 : 404 }
    if (request.method === 'DELETE') {
      objects.delete(key)
      return { status: 204 }
    }
    if (request.method === 'PUT' && object && request.headers['if-none-match'] === '*') return { status: 412 }
    if (request.method === 'PUT') {
      objects.set(key, body)
      return { status: 200, headers: { etag: `"${createHash('md5').update(body).digest('hex')}"` } }
    }
    if (!object) return { status: 404 }
    return { status: 200, headers: { 'content-length': object.length }, body: request.method === 'GET' ? object : '' }
  }
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://s3')
    requests.push(`${request.method} ${url.pathname}`)
    const sent = await buffer(request)
    const finish = () => {
      const { status, headers = {}, text, body = text } = act(request, url, sent)
      response.sendDate = false
      response.writeHead(status, { date: new Date(now()).toUTCString(), ...headers }).end(body)
      return status
    }
    if (isFrozen(request)) frozen.push(finish)
    else finish()
  }
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()))
  const port = await listenOn(server)

  const s3: SmallS3 = {
    variables: {
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
    },
    keys: () => [...objects.keys()],
    requests,
    uploads,
    clockAhead: 0,
    freeze(matches = () => true) {
      isFrozen = matches
    },
    async thaw() {
      isFrozen = () => false
      const statuses = frozen.splice(0).map(finish => finish())
      await delay(0)
      return statuses
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return s3
}

/** True for a signed URL that has expired: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html. */
function hasExpired(parameters: URLSearchParams, now: number): boolean {
  const [date, seconds] = [parameters.get('X-Amz-Date'), parameters.get('X-Amz-Expires')]
  if (date === null || seconds === null) return false
  const signed = date.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5')
  return now > Date.parse(signed) + Number(seconds) * 1000
}

/** Returns a page of uploads, in the order of their keys: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html. */
function uploadsPage(uploads: SmallS3['uploads'], parameters: URLSearchParams): string {
  const [key, id] = [parameters.get('key-marker') ?? '', parameters.get('upload-id-marker') ?? '']
  const ordered = [...uploads].map(([id, upload]) => ({ id, ...upload }))
  ordered.sort((a, b) => (a.key === b.key ? (a.id < b.id ? -1 : 1) : a.key < b.key ? -1 : 1))
  const behind = ordered.filter(each => each.key > key || (each.key === key && each.id > id))
  const page = behind.slice(0, pageSize)
  const last = behind.length > page.length ? page.at(-1) : undefined
  const items = page.map(
    each =>
      `<Upload><Key>${each.key}</Key><UploadId>${each.id}</UploadId><Initiated>${each.initiated.toISOString()}</Initiated></Upload>`,
  )
  const next = last
    ? `<NextKeyMarker>${last.key}</NextKeyMarker><NextUploadIdMarker>${last.id}</NextUploadIdMarker>`
    : ''
  return `<ListMultipartUploadsResult><IsTruncated>${last !== undefined}</IsTruncated>${next}${items.join('')}</ListMultipartUploadsResult>`
}
