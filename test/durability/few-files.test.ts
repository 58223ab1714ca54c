import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { merge, mergedContent, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectRoot, serverVariables, temporaryDirectory } from '../support/server.ts'

/** Fewer than the models of the merge, and hardly more than what a server needs by itself. */
const openFiles = 320
const models = 500

let url: string
let stop: () => Promise<void>
beforeAll(async () => {
  const directory = await temporaryDirectory()
  const limited = ['-c', `ulimit -n ${openFiles} && exec "$0" "$@"`, process.execPath, 'src/server.ts']
  const child = spawn('/bin/sh', limited, {
    cwd: projectRoot,
    env: { ...serverVariables, TUREEN_DATA: directory.path },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  stop = async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
    await directory.remove()
  }
  url = await new Promise(resolve => {
    createInterface({ input: child.stdout }).on('line', line => {
      const { msg, url } = JSON.parse(line)
      if (msg === 'Tureen is serving') resolve(url)
    })
  })
})
afterAll(() => stop())

test(`a merge of ${models} models works where ${openFiles} files may be open`, async () => {
  const ids: string[] = []
  for (const weight of [1, 2, 3]) ids.push((await uploadModel(url, linearModel([weight, 0.5], [1, 2]))).id)
  const list = Array.from({ length: models }, (_, index) => ({ id: ids[index % ids.length], weight: 1 + (index % 7) }))
  const job = await merge(url, { models: list, provenance: false })
  expect(job, JSON.stringify(job.error)).toMatchObject({ status: 'succeeded' })
  // The same sum, of three models.
  const total = (place: number) =>
    list.reduce((sum, { weight }, index) => sum + (index % ids.length === place ? weight : 0), 0)
  const short = await merge(url, {
    models: ids.map((id, place) => ({ id, weight: total(place) })),
    provenance: false,
  })
  const [many, few] = [await mergedContent(url, job), await mergedContent(url, short)]
  expect(Buffer.from(many).equals(Buffer.from(few))).toBe(true)
})
