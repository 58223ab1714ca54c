import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { watchAnswers } from '../../src/http/answer-progress.ts'
import { inPieces } from '../../src/http/in-pieces.ts'
import { digestOf, heavyModel, modelBytes, soupBytes } from '../support/heavy-model.ts'
import { expectNothingIncoming } from '../support/http-client.ts'
import { startApp } from '../support/server.ts'
import { getRequest, readSlowly, uploadHead } from '../support/slow-clients.ts'
import { downloadDigest, until, upload } from '../support/store-client.ts'

const patience = 120_000
const TUREEN_MIN_RATE = '50000'

// More than the system takes for a client that does not read: about 4 MB.
const model = heavyModel([4 << 20, 10], 1)

describe('a download', () => {
  let app: Awaited<ReturnType<typeof startApp>>
  let id: string
  beforeAll(async () => {
    app = await startApp({ TUREEN_MIN_RATE, TUREEN_MIN_RATE_SECONDS: '1', TUREEN_MAX_UPLOADS: '1' })
    id = (await upload(app.url, model, 'heavy')).id
  })
  afterAll(() => app.close())

  const cutOff = async () =>
    Number(
      /^tureen_connections_ended_total\{reason="slow"\} (\d+)$/m.exec(
        await (await fetch(`${app.url}/metrics`)).text(),
      )?.[1] ?? 0,
    )

  test(
    'whose client takes nothing is cut off, and counted',
    async () => {
      const before = await cutOff()
      const content = `/v1/models/${id}/content`
      const range = getRequest(content).replace('\r\n\r\n', '\r\nrange: bytes=5-\r\n\r\n')
      const readers = await Promise.all([getRequest(content), range].map(request => readSlowly(app.url, request)))
      await Promise.all(readers.map(({ closed }) => closed))
      expect(await cutOff()).toBe(before + 2)
    },
    patience,
  )

  test(
    'of a soup in one shot is cut off, leaves no file and frees its slot',
    async () => {
      const bytes = Buffer.concat(await Array.fromAsync(modelBytes(model)))
      const head = '--b\r\ncontent-disposition: form-data; name="model"; filename="m.onnx"\r\n\r\n'
      const form = Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n--b--\r\n')])
      const reader = await readSlowly(
        app.url,
        Buffer.concat([
          Buffer.from(
            `${uploadHead('/v1/soup', form.length)}\r\ncontent-type: multipart/form-data; boundary=b\r\n\r\n`,
          ),
          form,
        ]),
      )
      await reader.closed
      await expectNothingIncoming(app.data)
      await until('an upload is taken', async () => {
        const { status } = await fetch(`${app.url}/v1/models`, { method: 'POST', body: Buffer.alloc(10) })
        return status === 400
      })
    },
    patience,
  )

  test('that is taken comes whole', async () => {
    const { sha256 } = await downloadDigest(app.url, id)
    expect(sha256).toBe(digestOf(soupBytes([{ model, weight: 1 }])))
  })
})

describe('a large text', () => {
  const text = 'x'.repeat(12_000_000)
  const app = fastify({ forceCloseConnections: true })
  const slow: number[] = []
  let url: string
  let watch: { close(): void }
  beforeAll(async () => {
    const limits = { bytesPerSecond: Number(TUREEN_MIN_RATE), windowMilliseconds: 1000 }
    watch = watchAnswers(app.server, limits, (_, rate) => void slow.push(rate))
    await app.register(inPieces)
    app.get('/text', async (_, reply) => reply.type('application/json').send(text))
    url = await app.listen({ host: '127.0.0.1', port: 0 })
  })
  afterAll(async () => {
    watch.close()
    await app.close()
  })

  test('comes whole, with its length', async () => {
    const response = await fetch(`${url}/text`)
    expect(response.headers.get('content-length')).toBe(String(text.length))
    expect((await response.text()) === text).toBe(true)
    const head = await fetch(`${url}/text`, { method: 'HEAD' })
    expect(head.headers.get('content-length')).toBe(String(text.length))
  })

  test(
    'whose client stops reading is cut off',
    async () => {
      await (await readSlowly(url, getRequest('/text'))).closed
      expect(slow).toHaveLength(1)
      expect(slow[0]).toBeLessThan(Number(TUREEN_MIN_RATE))
    },
    patience,
  )

  // The system takes megabytes at once and hears of room only when much of them is gone.
  test.skipIf(process.platform !== 'linux')(
    'is not cut off while its client takes it above the least rate, though the server cannot write for seconds',
    async () => {
      slow.length = 0
      const reader = await readSlowly(url, getRequest('/text'), 400_000)
      await until(
        'two megabytes are taken or the connection is cut off',
        () => slow.length > 0 || reader.taken() > 2_000_000,
        patience,
      )
      expect(slow).toEqual([])
      reader.stop()
    },
    patience,
  )
})
