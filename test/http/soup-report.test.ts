import { spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { soupReport } from '../../schemas/soup.ts'
import { json, modelForm, postSoup, readProblem, sha256 } from '../support/http-client.ts'
import { listenOn } from '../support/listening.ts'
import { type Nginx, startProxy } from '../support/nginx.ts'
import { float32Tensor, linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'

const end = new AbortController()
let app: Awaited<ReturnType<typeof startApp>>
let workspace: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  app = await startApp({ TUREEN_CORS_ORIGINS: 'https://page.example' })
  workspace = await temporaryDirectory()
})
afterAll(async () => {
  end.abort()
  await app.close()
  await workspace.remove()
})

const sound = linearModel([1, 2, 3, 4], [5, 6])
const diverged = linearModel([Number.NaN, 2, 3, 4], [1, 1])

/** Two models whose weight has a name of so many characters, NaN in the second: warnings, and so the report, become longer with it. */
function withLongName(length: number) {
  const name = 'W'.repeat(length)
  return [1, Number.NaN].map(first =>
    linearModel([first, 2, 3, 4], [5, 6], ({ graph }) => {
      graph.initializer?.splice(0, 1, float32Tensor(name, [2, 2], [first, 2, 3, 4]))
      graph.node?.[0]?.input?.splice(1, 1, name)
    }),
  )
}

function reportIn(response: Response) {
  const encoded = response.headers.get('tureen-report')
  return encoded === null ? null : soupReport.parse(JSON.parse(Buffer.from(encoded, 'base64url').toString()))
}

describe('the headers of a soup', () => {
  test('say how many warnings there are, and what a merge would report', async () => {
    const response = await postSoup(app.url, [sound, diverged])
    expect(response.status).toBe(200)
    const file = new Uint8Array(await response.arrayBuffer())
    const report = reportIn(response)
    expect(report).toMatchObject({
      tensors: { averaged: 2, copied: 0, nonFloat: 0 },
      nonFinite: 1,
      sha256: `sha256:${sha256(file)}`,
      bytes: file.byteLength,
    })
    expect(response.headers.get('tureen-warnings')).toBe(String(report?.warnings.length))
    expect(report?.warnings.join()).toContain('model-1.onnx has 1 NaN or infinite element in 1 tensor: W (1)')
  })

  test('say so of a soup without warnings, too', async () => {
    const response = await postSoup(app.url, [sound, linearModel([2, 2, 3, 4], [5, 5])])
    expect(response.headers.get('tureen-warnings')).toBe('0')
    expect(reportIn(response)?.warnings).toEqual([])
  })

  test('leave a longer report out, and still count its warnings', async () => {
    const response = await postSoup(app.url, withLongName(2000))
    expect(response.status).toBe(200)
    expect(response.headers.get('tureen-report')).toBeNull()
    expect(Number(response.headers.get('tureen-warnings'))).toBeGreaterThan(0)
  })

  test('can be read by a script of another origin', async () => {
    const headers = { origin: 'https://page.example' }
    const response = await fetch(`${app.url}/v1/soup`, { method: 'POST', body: modelForm([sound, diverged]), headers })
    const exposed = response.headers.get('access-control-expose-headers')?.split(/, */)
    expect(exposed).toEqual(expect.arrayContaining(['tureen-report', 'tureen-warnings']))
  })
})

describe('with ?report=only', () => {
  const only = (models: Uint8Array<ArrayBuffer>[], query = 'report=only') =>
    fetch(`${app.url}/v1/soup?${query}`, { method: 'POST', body: modelForm(models) })

  test('the report comes in place of the file, whatever its length', async () => {
    for (const models of [[sound, diverged], withLongName(2000)]) {
      const response = await only(models)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toContain('application/json')
      const report = soupReport.parse(await json(response))
      const file = new Uint8Array(await (await postSoup(app.url, models)).arrayBuffer())
      expect(report).toMatchObject({ nonFinite: 1, sha256: `sha256:${sha256(file)}`, bytes: file.byteLength })
      expect(report.warnings).toHaveLength(Number(response.headers.get('tureen-warnings')))
    }
  })

  test('and a word that is not only, the request is refused', async () => {
    const { errors } = await readProblem(await only([sound], 'report=all'), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors[0]?.field).toContain('report')
  })
})

test('a soup that must be finite is refused with what is not', async () => {
  const response = await postSoup(app.url, [sound, diverged], { onNonFinite: 'fail' })
  const { errors } = await readProblem(response, 422, 'TUREEN_NOT_FINITE')
  expect(errors).toMatchObject([{ model: 'model-1.onnx', tensor: 'W', message: expect.stringContaining('1 NaN') }])
})

const hasNginx = spawnSync('nginx', ['-v']).error === undefined

describe.skipIf(!hasNginx)(
  `behind nginx with the buffers that it has by default${hasNginx ? '' : ' (skipped: nginx is not installed)'}`,
  () => {
    const proxyTo = async (upstream: string): Promise<Nginx> => {
      const nginx = await startProxy(workspace.path, end.signal, upstream)
      if (!nginx) throw new Error('nginx is not installed')
      return nginx
    }

    test('a soup comes through with the longest report that a header has', async () => {
      const nginx = await proxyTo(app.url)
      let longest = 0
      for (let [short, long] = [20, 2000]; long - short > 1; ) {
        const length = (short + long) >> 1
        const response = await postSoup(nginx.url, withLongName(length))
        expect(response.status).toBe(200)
        expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0)
        const report = response.headers.get('tureen-report')
        longest = Math.max(longest, report?.length ?? 0)
        if (report === null) long = length
        else short = length
      }
      expect(longest).toBeGreaterThan(2000)
      await nginx.close()
    })

    test('headers of 5,000 bytes do not, so that the test above says something', async () => {
      const server = createServer((_, response) => response.setHeader('x-long', 'x'.repeat(5000)).end('here'))
      const nginx = await proxyTo(`http://127.0.0.1:${await listenOn(server)}`)
      expect((await fetch(nginx.url)).status).toBe(502)
      await nginx.close()
      server.close()
    })
  },
)
