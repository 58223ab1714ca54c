import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { mergeJob } from '../../schemas/job.ts'
import { model } from '../../schemas/model.ts'
import { startNginx } from '../support/nginx.ts'
import type { SpawnedServer } from '../support/server.ts'
import { eventLoop } from './event-loop.ts'
import type { Bench, Contestant } from './harness.ts'
import { writeResnetModels } from './resnet-models.ts'
import { withFreshServer } from './with-fresh-server.ts'

const run = promisify(execFile)
const models = 4

/** Files in and out, beside a server of files; one request beside the several that do the same. All by curl. */
export const httpBench: Bench = {
  name: 'http',
  async open(workspace, signal) {
    const paths = await writeResnetModels(workspace, models, 'float32')
    const [first = ''] = paths
    const curl = async (...parameters: string[]) =>
      (await run('curl', ['-sS', '--fail-with-body', ...parameters], { signal, maxBuffer: 1 << 24 })).stdout
    const timed = async (work: () => Promise<unknown>) => {
      const started = performance.now()
      await work()
      return { seconds: (performance.now() - started) / 1000 }
    }
    const upload = async (url: string, path: string, name: string) =>
      model.parse(JSON.parse(await curl('-X', 'POST', '-T', path, `${url}/v1/models?name=${name}`)))
    const merge = async (url: string, ids: readonly string[]) => {
      const body = JSON.stringify({ models: ids.map(id => ({ id })) })
      const headers = ['-H', 'content-type: application/json', '-d', body]
      return mergeJob.parse(JSON.parse(await curl(...headers, `${url}/v1/merges?wait=60`)))
    }
    const output = join(workspace, 'download.onnx')
    const download = (url: string) => curl(url, '-o', output)
    const nginx = (label: string, work: (url: string) => Promise<unknown>) => async () => {
      const server = await startNginx(workspace, signal)
      if (!server) return { name: 'nginx', skipped: 'there is no nginx with DAV (Debian: nginx-light)' }
      await curl('-T', first, `${server.url}/model.onnx`)
      return {
        name: `nginx ${server.version}, ${label}`,
        description: 'dav_methods PUT, sendfile on; on loopback',
        run: () => timed(() => work(server.url)),
      }
    }
    const tureen = (
      name: string,
      description: string,
      work: (server: SpawnedServer) => Promise<number>,
    ): Contestant => ({
      name: `Tureen, ${name}`,
      description,
      run: () => withFreshServer(workspace, signal, async server => ({ seconds: await work(server) })),
    })
    const secondsOf = async (work: () => Promise<unknown>) => (await timed(work)).seconds
    return {
      about: [
        `http: models of 102 MB, made by test/bench/resnet-models.ts; ${(await curl('--version')).split('\n')[0]}`,
      ],
      comparisons: [
        {
          row: 'http/upload',
          what: 'a file of 102 MB, sent by curl',
          ours: tureen(
            'upload',
            'POST /v1/models to a server that has taken one: hashed, inspected, flushed',
            async ({ url }) => {
              await upload(url, paths[1] ?? '', 'before')
              return secondsOf(() => upload(url, first, 'a'))
            },
          ),
          baseline: nginx('PUT', url => curl('-T', first, `${url}/${crypto.randomUUID()}`)),
          target: 1.5,
        },
        {
          row: 'http/download',
          what: 'a file of 102 MB, fetched by curl',
          ours: tureen('download', 'GET /v1/models/{id}/content', async ({ url }) => {
            const { id } = await upload(url, first, 'a')
            return secondsOf(() => download(`${url}/v1/models/${id}/content`))
          }),
          baseline: nginx('GET', async url => {
            await download(`${url}/model.onnx`)
          }),
        },
        {
          row: 'http/one-shot',
          what: `a soup of ${models} models of 102 MB, from files to a file`,
          ours: tureen('one shot', 'POST /v1/soup, all models in one form', ({ url }) =>
            secondsOf(() => curl(...paths.flatMap(path => ['-F', `model=@${path}`]), `${url}/v1/soup`, '-o', output)),
          ),
          baseline: () =>
            tureen('the parts of it', `${models} uploads, a merge, a download, one after the other`, ({ url }) =>
              secondsOf(async () => {
                const ids: string[] = []
                for (const [index, path] of paths.entries()) ids.push((await upload(url, path, `m${index}`)).id)
                const { result } = await merge(url, ids)
                await download(`${url}/v1/models/${result?.model.id}/content`)
              }),
            ),
        },
        eventLoop(paths, use => withFreshServer(workspace, signal, use), { upload, merge }),
      ],
      findings: () => [],
    }
  },
}
