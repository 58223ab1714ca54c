import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { connectionOf, endpoint, parseQueues, readSendQueues } from '../../src/http/send-queues.ts'
import { listenOn } from '../support/listening.ts'
import { until } from '../support/store-client.ts'

test('ends of connections are written as the tables of Linux write them (proc_net_tcp)', () => {
  expect(endpoint('127.0.0.1', 8080)).toBe('0100007F:1F90')
  expect(endpoint('192.0.2.10', 1)).toBe('0A0200C0:0001')
  expect(endpoint('::1', 80)).toBe('00000000000000000000000001000000:0050')
  expect(endpoint('::ffff:127.0.0.1', 80)).toBe('0000000000000000FFFF00000100007F:0050')
  expect(endpoint('2001:db8::8a2e:370:7334', 65535)).toBe('B80D0120000000002E8A000034737003:FFFF')
  expect(endpoint('1:2:3:4:5:6:7:8', 80)).toBe('02000100040003000600050008000700:0050')
  expect(endpoint('fe80::1%eth0', 80)).toBe('000080FE000000000000000001000000:0050')
})

test('a table tells the bytes that wait to be sent', () => {
  const heading = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
  const line = (queues: string) =>
    `  95: 0100007F:873B 0100007F:9BE2 01 ${queues} 04:00000012 00000000     0        0 1 2 ffff 20 4 30 10 -1`
  expect(parseQueues(`${heading}\n${line('0038B200:00000000')}\n${line('00000000:0001FA00')}\n`)).toEqual([
    ['0100007F:873B 0100007F:9BE2', 0x38b200],
  ])
  expect(parseQueues('')).toEqual([])
})

describe.skipIf(process.platform !== 'linux')('what a client has not taken is found in the tables', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['::', '127.0.0.1'],
  ])('of a server at %s by a client of %s', async (host, to) => {
    const server = createServer({ pauseOnConnect: true })
    const client = connect(await listenOn(server, host), to)
    const [socket]: Socket[] = await once(server, 'connection')
    if (!socket) throw new Error('no connection')
    socket.on('error', () => undefined).write(Buffer.alloc(40_000_000))
    await until('bytes wait', async () => ((await readSendQueues()).get(connectionOf(socket)) ?? 0) > 10_000)
    client.destroy()
    socket.destroy()
    server.close()
  })
})
