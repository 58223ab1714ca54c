import { afterAll, expect, test } from 'vitest'
import { externalModel, modelForm } from '../support/external-model.ts'
import { json } from '../support/http-client.ts'
import { openSocket, readAnswer } from '../support/raw-http.ts'
import { serverGroup } from '../support/server-group.ts'
import { until } from '../support/store-client.ts'

const servers = serverGroup()
afterAll(() => servers.remove())

test('a download whose client hangs up once it has the last byte is no aborted one', async () => {
  // With one thread for all files, any further look at a file waits behind what others do with theirs.
  const server = await servers.start(await servers.data(), { UV_THREADPOOL_SIZE: '1' })
  const upload = async (weight: number) => {
    const places = { W: { location: 'W.bin' }, b: { location: 'big.bin', offset: 3_000_000 } }
    const body = modelForm(externalModel([weight, 2, 3, 4], [5, weight], places))
    return json<{ id: string }>(await fetch(`${server.url}/v1/models`, { method: 'POST', body }))
  }
  const { id } = await upload(0)
  let downloading = true
  const others = (async () => {
    for (let weight = 1; downloading; weight += 1) await upload(weight)
  })()
  const asked = ['W.bin', 'big.bin'].flatMap(file => Array<string>(50).fill(file))
  for (const [index, file] of asked.entries()) {
    const range = index % 2 === 0 ? '' : 'range: bytes=1-15\r\n'
    const socket = await openSocket(server.url)
    socket.write(
      `GET /v1/models/${id}/data/${file} HTTP/1.1\r\nhost: localhost\r\nx-request-id: get-${index}\r\n${range}\r\n`,
    )
    // Destroys the connection as soon as the content is whole.
    expect((await readAnswer(socket)).status).toBe(range ? 206 : 200)
  }
  downloading = false
  await others
  const lines = () => server.logs.filter(line => line.includes('"requestId":"get-')).map(line => JSON.parse(line))
  await until('all lines', () => lines().length >= asked.length)
  expect(lines()).toHaveLength(asked.length)
  expect(lines().filter(({ aborted }) => aborted)).toEqual([])
})
