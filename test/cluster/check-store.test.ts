import { join } from 'node:path'
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type Filled, fill } from '../support/filled-store.ts'
import { merge } from '../support/http-client.ts'
import { createDatabase } from '../support/postgres.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import type { SpawnedServer } from '../support/server.ts'
import { serverGroup, stopServer } from '../support/server-group.ts'
import { runTool, type ToolRun } from '../support/store-tool.ts'

const servers = serverGroup()

/** Milliseconds for steps that start several processes. */
const patience = 240_000

let s3: S3Server
let bucket: string
let data: string
let variables: Record<string, string>
let server: SpawnedServer
let records: Filled

beforeAll(async () => {
  s3 = await startS3()
  bucket = await s3.createBucket()
  data = await servers.data()
  const database = await createDatabase(inject('postgres') ?? '')
  variables = { ...s3.variables, TUREEN_DATABASE_URL: database, TUREEN_CONTENT: `s3://${bucket}/here` }
  server = await servers.start(data, variables)
  records = await fill(server.url)
  await merge(server.url, { models: [records.a, records.b].map(({ id }) => ({ id, weight: 1 })) })
}, patience)
afterAll(async () => {
  await servers.remove()
  await s3.remove()
})

const check = (...given: string[]): Promise<ToolRun> => runTool('check-store', given, variables)
const checkAll = (...given: string[]) => check('--catalog', 'postgres', '--content', `s3://${bucket}/here`, ...given)

async function query(text: string) {
  const database = new Client(variables['TUREEN_DATABASE_URL'])
  await database.connect()
  try {
    return (await database.query(text)).rows
  } finally {
    await database.end()
  }
}

const place = (sha256: string) => {
  const hex = sha256.replace('sha256:', '')
  return `content/${hex.slice(0, 2)}/${hex}`
}
const objectOf = (sha256: string) => ({
  Bucket: bucket,
  Key: `here/${place(sha256).replace('content/', 'content/sha256/')}`,
})

test('nothing is wrong with a sound store, also while its server runs', async () => {
  expect(await checkAll('--deep')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /^4 records, 4 files of content \(\d+ bytes, every digest compared\), 0 files without a record: nothing is wrong\.\n$/,
    ),
    stderr: '',
  })
})

test('a store without its places is refused with the options that name them, and a backup with the page that says how', async () => {
  await stopServer(server)
  expect(await check(data)).toMatchObject({ code: 1, stderr: expect.stringContaining('Add --content s3://') })
  const target = join(data, 'backup')
  expect(await runTool('backup', [target], { TUREEN_DATA: data })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('docs/operations/backup-of-a-cluster.md says how'),
  })
  const empty = await createDatabase(inject('postgres') ?? '')
  const { code, stderr } = await runTool('check-store', ['--catalog', 'postgres', '--content', `s3://${bucket}`], {
    ...variables,
    TUREEN_DATABASE_URL: empty,
  })
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('has no catalog of Tureen') })
})

test(
  'with the catalog in the database alone, the content in the directory is checked',
  async () => {
    const [own, database] = [await servers.data(), await createDatabase(inject('postgres') ?? '')]
    const started = await servers.start(own, { TUREEN_DATABASE_URL: database })
    await fill(started.url)
    const run = () => runTool('check-store', [own, '--catalog', 'postgres'], { TUREEN_DATABASE_URL: database })
    expect(await run()).toMatchObject({ code: 1, stderr: expect.stringContaining('is in use by the Tureen server') })
    await stopServer(started)
    expect(await run()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^3 records, 3 files of content .* 0 files in quarantine: nothing/),
    })
    const other = await runTool('check-store', [own, '--catalog', 'postgres'], variables)
    expect(other).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^tureen\.json is of the store .*, and the database of the store/),
    })
  },
  patience,
)

test(
  'with the content in the bucket alone, the catalog in the directory is checked',
  async () => {
    const own = await servers.data()
    const content = `s3://${bucket}/alone`
    const started = await servers.start(own, { ...s3.variables, TUREEN_CONTENT: content })
    await fill(started.url)
    await stopServer(started)
    expect(await check(own, '--content', content)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^3 records, 3 files of content .* 0 files without a record: nothing is wrong/),
    })
  },
  patience,
)

test('a catalog of a newer version is checked if this version can use it, and is one finding if it cannot', async () => {
  await query(`insert into kysely_migration values ('9999-newer', '2026'); insert into kysely_migration_needs
    values ('9999-newer', '0018-last-failures-of-jobs')`)
  expect(await checkAll()).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing is wrong') })
  await query(`delete from kysely_migration_needs where name = '9999-newer'`)
  expect(await checkAll()).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^the database cannot be read: it was written by a newer version .* 9999-newer/),
  })
  await query(`delete from kysely_migration where name = '9999-newer'`)
})

test(
  'lost, short and changed objects and unreadable records are named; objects without a record are counted',
  async () => {
    const [merged] = await query(`select id, sha256 from models where recipe is not null`)
    const [job] = await query('select id from jobs')
    await s3.client.send(new DeleteObjectCommand(objectOf(records.a.sha256)))
    await s3.client.send(new PutObjectCommand({ ...objectOf(records.b.sha256), Body: 'short' }))
    const bytes = new Uint8Array(
      (await query(`select bytes from model_files where model_id = '${merged.id}'`))[0].bytes,
    )
    await s3.client.send(new PutObjectCommand({ ...objectOf(merged.sha256), Body: bytes }))
    await s3.client.send(new PutObjectCommand({ ...objectOf(`sha256:${'0'.repeat(64)}`), Body: 'unknown' }))
    await query(`update datasets set description = 'no JSON'`)
    await query(`update job_result_parts set text = '{' where job_id = '${job.id}'`)
    await query(`insert into model_files values ('gone', '', '${records.val.sha256}', ${0})`)
    const shallow = await checkAll()
    const lines = shallow.stdout.trimEnd().split('\n')
    const findings = [
      `${place(records.a.sha256)} is missing in the bucket; it belongs to the model ${records.a.id}.`,
      `${place(records.b.sha256)} has 5 bytes and should have ${records.b.bytes}; it belongs to the model ${records.b.id}.`,
      `the data set ${records.val.id} cannot be read: its description cannot be read`,
      `the job ${job.id} cannot be read: its result cannot be read`,
      `the file ${records.val.sha256} belongs to the model gone, which has no record.`,
    ]
    for (const finding of findings) expect(lines).toContainEqual(expect.stringContaining(finding))
    expect(lines.at(-1)).toMatch(/ 1 files without a record: \d+ findings\.$/)
    expect(shallow.code).toBe(1)
    expect(shallow.stdout).not.toContain('its digest is')
    const deep = await checkAll('--deep')
    expect(deep.stdout).toContain(`${place(merged.sha256)} is damaged: its digest is sha256:`)
  },
  patience,
)
