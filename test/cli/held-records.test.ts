import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { dataset, datasetPage } from '../../schemas/dataset.ts'
import { job, jobPage } from '../../schemas/job.ts'
import { recipe } from '../../schemas/merge.ts'
import { model, modelPage } from '../../schemas/model.ts'
import { json, postJson, sha256 } from '../support/http-client.ts'
import { listenOn } from '../support/listening.ts'
import { projectRoot, startApp, temporaryDirectory } from '../support/server.ts'
import { startCommand, typed } from '../support/typed-command.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  for (const name of ['ft0.onnx', 'ft1.onnx', 'ft2.onnx', 'val.npz'])
    await copyFile(join(projectRoot, 'examples/digits', name), join(directory.path, name))
  app = await startApp({ TUREEN_RATE_LIMIT: '0' })
})
afterAll(async () => {
  await app.close()
  await directory.remove()
})

const run = (parameters: string[], env: Record<string, string> = {}) =>
  typed(parameters, { cwd: directory.path, env: { TUREEN_URL: app.url, ...env } })

/** Runs a command that must succeed. @returns the document that it writes with --json */
async function documentOf<Schema extends z.ZodType>(schema: Schema, ...parameters: string[]): Promise<z.infer<Schema>> {
  const { stdout, ...ended } = await run([...parameters, '--json'])
  expect(ended).toEqual({ code: 0, stderr: '' })
  return schema.parse(JSON.parse(stdout))
}

const listed = <Schema extends z.ZodType>(schema: Schema) => z.strictObject({ items: z.array(schema) })

test('push puts models and data sets there, which ls lists, pull writes and rm deletes', async () => {
  const pushed = await documentOf(
    listed(z.union([model, dataset])),
    'push',
    'ft0.onnx',
    'val.npz',
    '--label',
    'of=push',
  )
  expect(pushed.items).toMatchObject([
    { name: 'ft0', labels: { of: 'push' }, files: [{ location: '' }] },
    { name: 'val', labels: { of: 'push' }, kind: 'npz' },
  ])
  const named = await documentOf(model, 'push', 'ft1.onnx', '--name', 'the best', '--label', 'of:push', '--ttl', '3600')
  expect(named).toMatchObject({ name: 'the best', expiresAt: expect.any(String) })
  const ids = await documentOf(modelPage, 'ls', '--label', 'of=push', '--sort', '-name')
  expect(ids.items.map(({ name }) => name)).toEqual(['the best', 'ft0'])
  expect((await documentOf(datasetPage, 'ls', 'datasets', '--name', 'val')).items).toHaveLength(1)
  expect((await documentOf(modelPage, 'ls', '--label', 'of=push', '--limit', '1')).items).toEqual([named])
  const table = await run(['ls', '--name', 'the best'])
  expect(table.stdout).toMatch(new RegExp(`^${named.id} +the best +159 KB +\\S+ \\S+Z +of=push$`, 'm'))

  const pulled = await run(['pull', named.sha256, '-o', 'pulled.onnx'])
  expect(pulled).toMatchObject({ code: 0, stdout: 'pulled.onnx: 159 KB, the best\n' })
  expect(await readFile(join(directory.path, 'pulled.onnx'))).toEqual(await readFile(join(directory.path, 'ft1.onnx')))
  expect(await run(['pull', named.id, '-o', 'pulled.onnx'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('pulled.onnx exists already. Add --force'),
  })
  const all = [...pushed.items.map(({ id }) => id), named.id]
  expect(await run(['rm', ...all, 'mistyped'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There is no model, data set, export or job mistyped.'),
  })
  expect((await documentOf(modelPage, 'ls', '--label', 'of=push')).items).toHaveLength(2)
  const removed = await documentOf(listed(z.union([model, dataset])), 'rm', ...all)
  expect(removed.items.map(({ id }) => id)).toEqual(all)
  expect((await documentOf(modelPage, 'ls', '--label', 'of=push')).items).toEqual([])
})

test('label renames and labels models and data sets, which ls then finds', async () => {
  const pushed = await documentOf(model, 'push', 'ft2.onnx', '--label', 'stage=new', '--label', 'run=42')
  const labelled = ['label', pushed.id, 'stage=kept', 'by:hand', '--remove', 'run', '--name', 'the third']
  const expected = { ...pushed, name: 'the third', labels: { stage: 'kept', by: 'hand' } }
  expect(await documentOf(model, ...labelled)).toEqual(expected)
  expect((await documentOf(modelPage, 'ls', '--label', 'stage=kept')).items).toEqual([expected])
  const shown = await run(['label', pushed.id, '--no-name'])
  expect(shown.stdout).toBe(`model ${pushed.id}: without a name by=hand stage=kept\n`)

  const data = await documentOf(dataset, 'push', 'val.npz')
  expect(await documentOf(dataset, 'label', data.id, 'split=val')).toEqual({ ...data, labels: { split: 'val' } })
  expect(await run(['label', 'mistyped', 'a=b'])).toMatchObject({ code: 1 })
  for (const wrong of [
    ['label', data.id],
    ['label', data.id, 'split'],
    ['label', data.id, 'a=b', '--remove', 'a'],
  ])
    expect(await run(wrong)).toMatchObject({ code: 2, stdout: '' })
  await run(['rm', pushed.id, data.id])
})

test('a store serves as a server does', async () => {
  const store = ['--store', join(directory.path, 'store')]
  const { stdout } = await typed(['push', 'ft0.onnx', ...store, '--json'], { cwd: directory.path })
  const pushed = model.parse(JSON.parse(stdout))
  const list = await typed(['ls', ...store, '--json'], { cwd: directory.path })
  expect(modelPage.parse(JSON.parse(list.stdout)).items).toEqual([pushed])
})

describe('a download', () => {
  /** A proxy that passes only so many bytes of a model's content, and keeps the ranges that are asked for. */
  async function startProxy(mostBytes: () => number) {
    const ranges: (string | undefined)[] = []
    const proxy = createServer((asked, answer) => {
      const isContent = asked.url?.includes('/content') && asked.method === 'GET'
      if (isContent) ranges.push(asked.headers.range)
      const passed = request(`${app.url}${asked.url}`, { method: asked.method, headers: asked.headers }, response => {
        answer.writeHead(response.statusCode ?? 0, response.headers)
        let left = isContent ? mostBytes() : Number.POSITIVE_INFINITY
        response.on('data', (piece: Buffer) => {
          answer.write(piece.subarray(0, Math.min(left, piece.length)))
          left -= Math.min(left, piece.length)
        })
        response.on('end', () => left > 0 && answer.end())
      })
      asked.pipe(passed)
    })
    const url = `http://127.0.0.1:${await listenOn(proxy)}`
    const close = () => {
      proxy.closeAllConnections()
      proxy.close()
    }
    return { url, ranges, close }
  }

  test('that is interrupted goes on where it was, and a damaged one is refused and removed', async () => {
    const { id, sha256: digest, bytes } = await documentOf(model, 'push', 'ft2.onnx')
    let most = 50_000
    const proxy = await startProxy(() => most)
    const parts = async () => (await readdir(directory.path)).filter(name => name.endsWith('.part'))
    const pull = ['pull', id, '-o', 'slow.onnx', '--server', proxy.url]
    const { process, ended } = startCommand(pull, { cwd: directory.path })
    for (;;) {
      const [part] = await parts()
      if (part && (await readFile(join(directory.path, part))).length === most) break
      await delay(50)
    }
    process.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, stdout: '' })
    expect(await readdir(directory.path)).not.toContain('slow.onnx')

    const [part = ''] = await parts()
    most = bytes
    const kept = await readFile(join(directory.path, part))
    await writeFile(join(directory.path, part), Buffer.from(kept).fill(7, 1_000, 1_010))
    expect(await run(pull)).toMatchObject({ code: 1, stderr: expect.stringContaining('slow.onnx was damaged') })
    expect(await parts()).toEqual([])

    await writeFile(join(directory.path, part), kept)
    expect(await run(pull)).toMatchObject({ code: 0, stderr: '' })
    expect(proxy.ranges).toEqual([undefined, 'bytes=50000-', 'bytes=50000-'])
    expect(`sha256:${sha256(await readFile(join(directory.path, 'slow.onnx')))}`).toBe(digest)
    expect(await parts()).toEqual([])
    proxy.close()
  })
})

describe('jobs', () => {
  let models: { id: string }[]
  beforeAll(async () => {
    const pushed = await documentOf(listed(model), 'push', 'ft0.onnx', 'ft1.onnx')
    models = pushed.items.map(({ id }) => ({ id }))
  })
  const start = async (path: string, body: object) =>
    (await json<{ id: string }>(await postJson(`${app.url}${path}`, body))).id

  test('are watched to a good end, listed, and leave a recipe', async () => {
    const id = await start('/v1/merges', { models, name: 'soup', labels: { of: 'watch' } })
    const watched = await run(['watch', id])
    expect(watched).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`The merge ${id} has succeeded\\.\n$`)),
    })
    const ended = await documentOf(job, 'watch', id)
    const lines = (await run(['watch', id, '--ndjson'])).stdout.trimEnd().split('\n')
    expect(lines.map(line => JSON.parse(line)).at(-1)).toMatchObject({ type: 'done', job: { id } })
    expect((await documentOf(jobPage, 'jobs', '--label', 'of=watch', '--name', 'soup')).items).toMatchObject([{ id }])
    expect((await documentOf(jobPage, 'ls', 'jobs', '--status', 'failed')).items).toEqual([])
    if (ended.type !== 'merge' || !ended.result) throw new Error('a merge has a result')
    const soup = ended.result.model.id
    const shown = await documentOf(recipe, 'recipe', soup)
    expect(shown.models).toHaveLength(2)
    expect(await run(['recipe', soup, '-o', 'soup.yaml'])).toMatchObject({ code: 0 })
    expect(await run(['soup', 'ft0.onnx', 'ft1.onnx', '--recipe', 'soup.yaml', '-o', 'again.onnx'])).toMatchObject({
      code: 0,
    })
    expect(`sha256:${sha256(await readFile(join(directory.path, 'again.onnx')))}`).toBe(ended.result.model.sha256)
    expect(await run(['recipe', models[0]?.id ?? ''])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/only soups have one/),
    })
    expect(await run(['rm', models[0]?.id ?? '', id])).toMatchObject({ code: 0 })
    models = [{ id: (await documentOf(model, 'push', 'ft0.onnx')).id }, ...models.slice(1)]
  })

  test('are cancelled, which a watch ends with 1 and the document of the job', async () => {
    const external = { external: { name: 'by-hand', version: '1' }, direction: 'max' }
    const id = await start('/v1/searches', { models, strategy: { type: 'greedy' }, selection: external })
    const watching = startCommand(['watch', id, '--json'], { cwd: directory.path, env: { TUREEN_URL: app.url } })
    expect(await run(['rm', models[0]?.id ?? ''])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/1 of 1 records could not be deleted/),
    })
    await documentOf(job, 'cancel', id)
    const { code, stdout, stderr } = await watching.ended
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`The job ${id} has been cancelled`),
    })
    expect(job.parse(JSON.parse(stdout))).toMatchObject({ id, status: 'cancelled' })
    expect(await run(['cancel', id])).toMatchObject({ code: 0, stdout: `${id} is cancelled\n` })
    expect(await run(['watch', 'nothing'])).toMatchObject({ code: 1, stderr: expect.stringMatching(/no job nothing/) })
  })
})

test.each([
  ['ls', 'modles', 'There is no list modles. Lists are models, datasets, exports, jobs.'],
  ['ls', '--label', 'run', '--label run: must be KEY=VALUE, such as run=42.'],
  ['ls', '--created-after', 'yesterday', '--created-after yesterday: must be a time'],
  ['ls', '--sort', 'size', "argument 'size' is invalid"],
  ['jobs', '--sort', 'bytes', '--sort bytes: jobs sort by'],
  ['push', 'none.onnx', 'There is no file none.onnx. Correct the path.'],
  ['push', 'ft0.onnx', 'ft1.onnx', '--name', 'both', '--name names one record'],
])('wrong arguments end with code 2 and one line: %s %s %s', async (...given) => {
  const ended = await run(given.slice(0, -1))
  expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(given.at(-1) ?? '') })
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1)
})

test.each([
  ['ls'],
  ['jobs'],
  ['push', 'ft0.onnx'],
  ['pull', 'x', '-o', 'out.onnx'],
  ['label', 'x', 'a=b'],
  ['rm', 'x'],
  ['watch', 'x'],
  ['cancel', 'x'],
  ['recipe', 'x'],
])('%s asks for a server or a store where there is none', async (...parameters) => {
  const ended = await typed(parameters, { cwd: directory.path })
  expect(ended).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('Name a server with --server or TUREEN_URL'),
  })
})
