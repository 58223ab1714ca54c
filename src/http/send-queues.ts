import { readFile } from 'node:fs/promises'
import { isIPv4, type Socket } from 'node:net'

/** The bytes that the system buffers for connections, by {@link connectionOf}. It lacks connections without such bytes. */
export type SendQueues = ReadonlyMap<string, number>

const tables = ['/proc/net/tcp', '/proc/net/tcp6']

/**
 * Reads the system's send queues; on systems other than Linux there are none. The system buffers megabytes of an answer before the client
 * reads any. So the bytes that this process has written do not tell how much a slow client has read.
 */
export async function readSendQueues(): Promise<SendQueues> {
  const texts = await Promise.all(tables.map(path => readFile(path, 'latin1').catch(() => '')))
  return new Map(texts.flatMap(parseQueues))
}

/** Returns the two ends of a connection as the system's tables write them. It costs two calls to the system. */
export function connectionOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${endpoint(localAddress, localPort)} ${endpoint(remoteAddress, remotePort)}`
}

/** Returns the connections of a table with unsent bytes (https://docs.kernel.org/networking/proc_net_tcp.html). */
export function parseQueues(table: string): [connection: string, bytes: number][] {
  return table.split('\n').flatMap((line): [string, number][] => {
    const [, local, remote, , queues = ''] = line.trim().split(/\s+/, 5)
    const bytes = Number.parseInt(queues.slice(0, 8), 16)
    return bytes > 0 ? [[`${local} ${remote}`, bytes]] : []
  })
}

/** Returns an address and port as those tables write them: words of four bytes, last byte first, and the port in hexadecimal. */
export function endpoint(address = '', port = 0): string {
  const words = bytesOf(address).match(/.{8}/g) ?? []
  const swapped = words.map(word => (word.match(/../g) ?? []).reverse().join(''))
  return `${swapped.join('')}:${hex(port, 4)}`
}

/** Returns the bytes of an IPv4 or IPv6 address in hexadecimal. */
function bytesOf(address: string): string {
  if (isIPv4(address))
    return address
      .split('.')
      .map(byte => hex(Number(byte), 2))
      .join('')
  const [plain = ''] = address.split('%')
  const [head = '', tail] = plain.split('::')
  const [before, after] = [groupsOf(head), groupsOf(tail ?? '')]
  return before.padEnd(tail === undefined ? 0 : 32 - after.length, '0') + after
}

function groupsOf(text: string): string {
  const groups = text.split(':').filter(group => group !== '')
  return groups.map(group => (isIPv4(group) ? bytesOf(group) : hex(Number.parseInt(group, 16), 4))).join('')
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}
