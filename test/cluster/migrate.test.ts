import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { fillCatalog } from '../fixtures/catalogs/fill-catalog.ts'
import { uploadInFiles } from '../support/external-client.ts'
import { externalModel } from '../support/external-model.ts'
import { uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { createDatabase } from '../support/postgres.ts'
import { richModel } from '../support/rich-model.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import { killServer, serverGroup, stopServer } from '../support/server-group.ts'
import { type StoreAnswers, storeAnswers } from '../support/store-answers.ts'
import { job, listAll } from '../support/store-client.ts'
import { launchTool, runTool, type ToolRun } from '../support/store-tool.ts'

const servers = serverGroup()

/** Milliseconds for steps that start several processes. */
const patience = 240_000

let s3: S3Server
let original: string
let before: StoreAnswers
let unfinished: string[]

/** Files of the original store, copied to a directory that a test may change. */
async function copy(): Promise<string> {
  const data = await servers.data()
  rmSync(data, { recursive: true })
  cpSync(original, data, { recursive: true, preserveTimestamps: true })
  return data
}

type Targets = { args: string[]; variables: Record<string, string> }

/** An empty database and an empty bucket. */
async function targets(): Promise<Targets> {
  const content = `s3://${await s3.createBucket()}/here`
  const database = await createDatabase(inject('postgres') ?? '')
  return {
    args: ['--to', 'postgres', '--content', content],
    variables: { ...s3.variables, TUREEN_DATABASE_URL: database, TUREEN_CONTENT: content },
  }
}

const migrate = (data: string, given: readonly string[], variables: Record<string, string>) =>
  runTool('migrate', given, { ...variables, TUREEN_DATA: data })

/** Paths of the content files of a data directory. */
function contentOf(data: string): string[] {
  const found = readdirSync(join(data, 'content'), { recursive: true, withFileTypes: true })
  return found.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

/** Digests of the catalog and the content in a data directory. */
function digestsIn(data: string): Record<string, string> {
  const files = [join(data, 'catalog.sqlite'), join(data, 'catalog.sqlite-wal'), ...contentOf(data)]
  return Object.fromEntries(files.map(path => [path, createHash('sha256').update(readFileSync(path)).digest('hex')]))
}

async function query({ TUREEN_DATABASE_URL: url }: Record<string, string>, text: string) {
  const client = new Client(url)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function tablesIn(variables: Record<string, string>): Promise<number> {
  return (await query(variables, "select from pg_tables where schemaname = 'public'")).length
}

async function objectsIn({ TUREEN_CONTENT = '' }: Record<string, string>): Promise<string[]> {
  const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: TUREEN_CONTENT.split('/')[2] }))
  return Contents.map(({ Key = '' }) => Key)
}

const isMoved = ({ code, stdout, stderr }: ToolRun) =>
  expect({ code, stdout, stderr }).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('the store is moved, 0 findings'),
  })

/** Starts a server on the moved store, and expects all answers of before. */
async function expectAnswers(data: string, variables: Record<string, string>) {
  const server = await servers.start(data, { ...variables, TUREEN_JOBS: '1' })
  expect(await storeAnswers(server.url, new Set(unfinished))).toEqual(before)
  return server
}

beforeAll(async () => {
  s3 = await startS3()
  original = await servers.data()
  const server = await servers.start(original, { TUREEN_JOBS: '1' })
  await uploadModel(server.url, richModel(), 'name=rich%F0%9F%A5%A3&label=kind:%F0%9F%A5%A3')
  await uploadInFiles(server.url, externalModel([1, 2, 3, 4], [5, 6]))
  await fillCatalog(server.url)
  const ids = (await listAll(server.url, 'jobs')).filter(({ status }) => status === 'queued' || status === 'running')
  unfinished = ids.map(({ id }) => id)
  before = await storeAnswers(server.url, new Set(unfinished))
  expect(unfinished).toHaveLength(2)
  expect(Object.keys(before).length).toBeGreaterThan(50)
  // Its jobs stay running and queued.
  await killServer(server)
}, patience)
afterAll(async () => {
  await servers.remove()
  await s3.remove()
})

test(
  'a moved store gives the same answers, keeps its keys, and runs the jobs that were left',
  async () => {
    const data = await copy()
    const { args, variables } = await targets()
    isMoved(await migrate(data, args, variables))
    const server = await expectAnswers(data, variables)
    const again = await fetch(`${server.url}/v1/models?name=a&label=run:1`, {
      method: 'POST',
      body: linearModel([0.5], [1]),
      headers: { 'idempotency-key': 'key-of-a' },
    })
    expect(again.headers.get('idempotency-replayed') ?? again.status).toBe('true')
    const [long = '', waiting = ''] = unfinished.toSorted()
    await fetch(`${server.url}/v1/jobs/${long}/cancel`, { method: 'POST' })
    expect(await job(server.url, waiting, 60)).toMatchObject({ status: 'succeeded' })
    expect(await job(server.url, long, 60)).toMatchObject({ status: 'cancelled' })
    await stopServer(server)
    for (const name of ['catalog.sqlite', 'catalog.sqlite-wal', 'catalog.sqlite-shm', 'content'])
      rmSync(join(data, name), { recursive: true, force: true })
    const later = await servers.start(data, variables)
    // The last search has added a model to the list.
    const ofRecords = Object.entries(before).filter(([path]) => !path.includes('?limit'))
    expect(await storeAnswers(later.url)).toMatchObject(Object.fromEntries(ofRecords))
    await stopServer(later)
  },
  patience,
)

test(
  'after a move the embedded server is refused, a second run has nothing to do, and the way back works',
  async () => {
    const data = await copy()
    const { args, variables } = await targets()
    isMoved(await migrate(data, args, variables))
    const refused = await servers.start(data).catch(String)
    expect(refused).toContain('was moved to postgres://127.0.0.1:')
    expect(refused).toContain('To go back to the store as it was before the move')
    expect(await migrate(data, args, variables)).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /the catalog was moved to postgres:.* before\n.*the content was moved to s3:.* before\n/,
      ),
    })
    const database = { TUREEN_DATABASE_URL: variables['TUREEN_DATABASE_URL'] ?? '' }
    expect(await servers.start(data, database).catch(String)).toContain('The content of the data directory')
    await stopServer(await servers.start(data, variables))
    for (const name of ['tureen.json', 'cache']) rmSync(join(data, name), { recursive: true })
    await stopServer(await expectAnswers(data, {}))
  },
  patience,
)

test(
  'a move that is killed at any line goes on, and never changes the files of the store',
  async () => {
    const data = await copy()
    const { args, variables } = await targets()
    const source = digestsIn(data)
    let lines = 0
    for (let at = 1; ; at += 2) {
      const { process, ended } = launchTool('migrate', args, { ...variables, TUREEN_DATA: data })
      let seen = 0
      process.stderr?.on('data', chunk => {
        seen += String(chunk).split('\n').length - 1
        if (seen >= at) process.kill('SIGKILL')
      })
      const { code } = await ended
      expect(digestsIn(data)).toEqual(source)
      lines = Math.max(lines, seen)
      if (code === 0) break
    }
    expect(lines).toBeGreaterThan(10)
    expect(await migrate(data, args, variables)).toMatchObject({ code: 0 })
    await stopServer(await expectAnswers(data, variables))
  },
  patience,
)

test(
  'a trial changes nothing, and tells what would be moved',
  async () => {
    const data = await copy()
    const { args, variables } = await targets()
    const { code, stdout, stderr } = await migrate(data, [...args, '--dry-run'], variables)
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${data}: nothing was changed, 0 findings.\n` })
    expect(stderr).toMatch(
      /rows of models would be copied\n(?:.*\n)*.*content: \d+ files of records \(\d+ bytes\), of which 0 are in/,
    )
    expect(await tablesIn(variables)).toBe(0)
    expect(await objectsIn(variables)).toEqual([])
    await stopServer(await expectAnswers(data, {}))
  },
  patience,
)

test(
  'content alone can be moved, and the catalog later',
  async () => {
    const data = await copy()
    const { args, variables } = await targets()
    const { TUREEN_DATABASE_URL: database = '', ...content } = variables
    isMoved(await migrate(data, args.slice(2), content))
    expect(await servers.start(data).catch(String)).toContain('The content of the data directory')
    await stopServer(await expectAnswers(data, content))
    isMoved(await migrate(data, args.slice(0, 2), { TUREEN_DATABASE_URL: database }))
    await stopServer(await servers.start(data, variables))
  },
  patience,
)

test(
  'the catalog alone can be moved, and the content later',
  async () => {
    const data = await copy()
    const { args, variables } = await targets()
    const { TUREEN_DATABASE_URL: database = '' } = variables
    isMoved(await migrate(data, args.slice(0, 2), { TUREEN_DATABASE_URL: database }))
    await stopServer(await expectAnswers(data, { TUREEN_DATABASE_URL: database }))
    isMoved(await migrate(data, args.slice(2), variables))
    expect(await servers.start(data, { TUREEN_DATABASE_URL: database }).catch(String)).toContain('its content/ is old')
    await stopServer(await servers.start(data, variables))
  },
  patience,
)

test(
  'damaged and missing files are named, and all others are sent',
  async () => {
    const data = await copy()
    const { args, variables } = await targets()
    const [damaged = '', missing = '', ...others] = contentOf(data)
    const bytes = readFileSync(damaged)
    writeFileSync(
      damaged,
      bytes.map(byte => byte ^ 1),
    )
    rmSync(missing)
    const { code, stdout } = await migrate(data, args, variables)
    expect({ code, stdout }).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('the store is moved, 2 findings'),
    })
    const named = (path: string) => path.slice(data.length + 1)
    expect(stdout).toMatch(new RegExp(`${named(damaged)} is damaged: its digest is sha256:.* belongs to the`))
    expect(stdout).toMatch(new RegExp(`${named(missing)} is missing, and was not sent; it belongs to the`))
    const sent = (await objectsIn(variables)).filter(key => key.includes('/content/'))
    expect(sent.map(key => key.split('/').at(-1)).sort()).toEqual(others.map(path => path.split('/').at(-1)).sort())
  },
  patience,
)

test(
  'targets that hold something else are refused before anything is changed',
  async () => {
    const data = await copy()
    const { args, variables } = await targets()
    const refusal = async () => {
      const { code, stderr } = await migrate(data, args, variables)
      expect(code).toBe(1)
      return stderr
    }
    const server = await servers.start(data)
    expect(await refusal()).toContain(`is in use by the Tureen server with process id ${server.process.pid}`)
    await killServer(server)
    const other = await servers.start(await servers.data(), {
      TUREEN_DATABASE_URL: variables['TUREEN_DATABASE_URL'] ?? '',
    })
    expect(await refusal()).toContain('is in use by a Tureen server')
    await killServer(other)
    expect(await refusal()).toMatch(/holds the store [0-9a-f-]{36}, and the data directory the store/)
    variables['TUREEN_DATABASE_URL'] = await createDatabase(inject('postgres') ?? '')
    await query(variables, 'create table accounts (id integer)')
    expect(await refusal()).toContain('holds tables of another program, such as accounts')
    await query(variables, 'drop table accounts')
    const { TUREEN_DATABASE_URL: _, ...content } = variables
    const alone = await servers.start(await servers.data(), content)
    await uploadModel(alone.url, linearModel([7], [7]))
    await killServer(alone)
    expect(await refusal()).toContain('holds content of a store that is not known')
    expect(await tablesIn(variables)).toBe(0)
  },
  patience,
)

test(
  'without the mark, a second run compares all rows: equal ones are marked, rows that a server has changed are refused',
  async () => {
    const data = await copy()
    const { args, variables } = await targets()
    isMoved(await migrate(data, args, variables))
    rmSync(join(data, 'tureen.json'))
    const second = await migrate(data, args, variables)
    isMoved(second)
    expect(second.stderr).toMatch(/rows of jobs are there already, and equal/)
    expect(second.stderr).toMatch(/content: 0 files were sent \(0 bytes\), \d+ were in the bucket already/)
    rmSync(join(data, 'tureen.json'))
    await query(variables, "update models set name = 'other' where name = 'a'")
    expect(await migrate(data, args, variables)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('holds this store already, with other rows of models'),
    })
  },
  patience,
)
