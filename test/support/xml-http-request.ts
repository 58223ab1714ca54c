import { type ClientRequest, request as sendRequest } from 'node:http'
import { piecesOf } from '../../client/transport.ts'
import type { UploadRequest } from '../../client/xhr-transport.ts'

/** An XMLHttpRequest on top of node:http, with the parts that the client uses (https://xhr.spec.whatwg.org). */
export class XMLHttpRequest implements UploadRequest {
  readonly #listeners = new Map<string, () => void>()
  #onProgress: Parameters<UploadRequest['upload']['addEventListener']>[1] | undefined
  readonly upload: UploadRequest['upload'] = {
    addEventListener: (_, listener) => {
      this.#onProgress = listener
    },
  }
  responseType = ''
  response: unknown = null
  status = 0
  #isAborted = false
  #request: ClientRequest | undefined
  #headers = ''

  addEventListener(type: 'load' | 'error' | 'abort', listener: () => void): void {
    this.#listeners.set(type, listener)
  }

  open(method: string, url: string): void {
    this.#request = sendRequest(url, { method })
  }

  setRequestHeader(name: string, value: string): void {
    this.#request?.setHeader(name, value)
  }

  getAllResponseHeaders(): string {
    return this.#headers
  }

  send(body: string | Blob): void {
    const blob = new Blob([body])
    const request = this.#request
    if (!request) throw new Error('open comes first')
    request.setHeader('content-length', blob.size)
    request.on('error', () => this.#listeners.get(this.#isAborted ? 'abort' : 'error')?.())
    request.on('response', async answer => {
      const pieces: Buffer<ArrayBuffer>[] = []
      for await (const piece of answer) pieces.push(piece)
      this.status = answer.statusCode ?? 0
      this.#headers = Object.entries(answer.headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')
      this.response = new Blob(pieces)
      this.#listeners.get('load')?.()
    })
    void this.#sendPieces(request, blob)
  }

  async #sendPieces(request: ClientRequest, blob: Blob): Promise<void> {
    let loaded = 0
    for await (const piece of piecesOf(blob)) {
      if (this.#isAborted) return
      loaded += piece.byteLength
      await new Promise(resolve => request.write(piece, resolve))
      this.#onProgress?.({ loaded, total: blob.size, lengthComputable: true })
    }
    request.end()
  }

  abort(): void {
    this.#isAborted = true
    this.#request?.destroy(new Error('aborted'))
  }
}
