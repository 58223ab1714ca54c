import { readFile } from 'node:fs/promises'
import { isIPv4, type Socket } from 'node:net'

/** Bytes that the system holds for connections: sent, or to be sent, and not acknowledged by the client. */
export type SendQueues = {
  /** Asks the system again. */
  refresh(): Promise<void>
  /** Bytes held for a connection at the last refresh; 0 where the system does not say (not Linux). */
  of(socket: Socket): number
}

const tables = ['/proc/net/tcp', '/proc/net/tcp6']

/**
 * A system takes megabytes of an answer before its client takes any, and hears of room only when a third of them is gone. So what this
 * process could write says little of what a slow client takes.
 */
export function createSendQueues(): SendQueues {
  let queues = new Map<string, number>()
  return {
    async refresh() {
      const texts = await Promise.all(tables.map(path => readFile(path, 'latin1').catch(() => '')))
      queues = new Map(texts.flatMap(parseQueues))
    },
    of: ({ localAddress, localPort, remoteAddress, remotePort }) =>
      queues.get(`${endpoint(localAddress, localPort)} ${endpoint(remoteAddress, remotePort)}`) ?? 0,
  }
}

/** The connections of a table with bytes to send (https://docs.kernel.org/networking/proc_net_tcp.html). */
export function parseQueues(table: string): [connection: string, bytes: number][] {
  return table.split('\n').flatMap((line): [string, number][] => {
    const [, local, remote, , queues = ''] = line.trim().split(/\s+/, 5)
    const bytes = Number.parseInt(queues.slice(0, 8), 16)
    return bytes > 0 ? [[`${local} ${remote}`, bytes]] : []
  })
}

/** An end of a connection as those tables write it: words of four bytes, the last byte first, and the port. */
export function endpoint(address = '', port = 0): string {
  const words = bytesOf(address).match(/.{8}/g) ?? []
  const swapped = words.map(word => (word.match(/../g) ?? []).reverse().join(''))
  return `${swapped.join('')}:${hex(port, 4)}`
}

/** The bytes of an IPv4 or IPv6 address in hexadecimal. */
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
