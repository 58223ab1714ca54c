import { v4 as randomBoundary } from 'uuid'
import type { CreationOptions } from './settings.ts'
import { digestHeader, digestOf } from './sha256.ts'
import type { OnProgress, RequestBody } from './transport.ts'

/** The bytes of a file. Files of a browser are Blobs; `fileBlob` of tureen/client/files opens one of Node. */
export type FileBytes = Blob | Uint8Array<ArrayBuffer>

/** The bytes of a file, or a stream of them. A stream can be sent once: the request is not repeated, and declares no digest. */
export type Uploadable = FileBytes | ReadableStream<Uint8Array<ArrayBuffer>>

/** Options of uploads. */
export type UploadOptions = CreationOptions & {
  /** Called while the body is sent. */
  onProgress?: OnProgress
  /**
   * The digest of a single file, as `sha256:<hex>`, if it is known. By default the client reads the file twice, and declares its digest
   * so that the server refuses damaged bytes; false: it does not.
   */
  digest?: string | false
}

/** One file of a form. `location`: its name; for external data, the location that the model writes. */
export type FormFile = { field: string; location: string; file: FileBytes }

/** A text of a form. */
export type FormText = { field: string; text: string }

/** The body of an upload, with the headers that describe it. */
export type UploadBody = { body: RequestBody; headers: Record<string, string> }

/** Returns the body of an upload that is one file. */
export async function rawUpload(file: Uploadable, options: UploadOptions = {}): Promise<UploadBody> {
  const body = file instanceof Uint8Array ? new Blob([file]) : file
  return { body, headers: await headersOf('application/octet-stream', body, options, options.digest) }
}

/** Returns the body of an upload that is a form (RFC 7578). Its parts keep their order. */
export async function formUpload(
  parts: readonly (FormFile | FormText)[],
  options: UploadOptions = {},
): Promise<UploadBody> {
  const boundary = `tureen-${randomBoundary()}`
  const pieces = parts.flatMap(part => {
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${part.field}"`
    if ('text' in part) return [`${head}\r\n\r\n${part.text}\r\n`]
    return [`${head}${filenameOf(part.location)}\r\ncontent-type: application/octet-stream\r\n\r\n`, part.file, '\r\n']
  })
  const body = new Blob([...pieces, `--${boundary}--\r\n`])
  const digest = options.digest === false ? false : undefined
  return { body, headers: await headersOf(`multipart/form-data; boundary=${boundary}`, body, options, digest) }
}

async function headersOf(
  type: string,
  body: RequestBody,
  { signal }: UploadOptions,
  known: string | false | undefined,
): Promise<Record<string, string>> {
  const digest = known ?? (body instanceof Blob ? await digestOf(body, signal) : false)
  return { 'content-type': type, ...(digest === false ? {} : { 'content-digest': digestHeader(digest) }) }
}

/** Both forms of a name: the server prefers `filename*`, which has a place for every character. */
function filenameOf(name: string): string {
  const ascii = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replaceAll(/['()*]/g, each => `%${each.charCodeAt(0).toString(16)}`)
  return `; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
