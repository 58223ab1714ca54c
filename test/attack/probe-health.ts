import { get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { answeringThreads, processorWait } from './process-figures.ts'

/** How long one answer took, in milliseconds. */
export type Probe = {
  total: number
  /** Without the time for which the threads that answer, or this process, waited for a processor that others used. */
  own: number
}

/**
 * Asks a server whether it is alive and ready, in turn and each time on a new connection, until its parent goes. It answers any message
 * with the probes since the last message, the one under way included. A process of its own: an attacker would count its own delays.
 */
const [url = '', pid = '', milliseconds = ''] = process.argv.slice(2)
const paths = ['/healthz', '/readyz']
/** An answer that is not there by then counts as this long. */
const patience = 10_000

let taken: Probe[] = []
let wanted = false
process.on('message', () => {
  wanted = true
})
process.on('disconnect', () => process.exit())

const ask = (path: string) =>
  new Promise<boolean>(resolve => {
    const request = get(`${url}${path}`, { agent: false, timeout: patience }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode === 200))
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })

const threads = [...answeringThreads(Number(pid)), `/proc/${process.pid}/task/${process.pid}`]

for (let index = 0; ; index += 1) {
  const [started, waited] = [performance.now(), processorWait(threads)]
  const answered = await ask(paths[index % paths.length] ?? '')
  const total = performance.now() - started
  // Nothing is known of a thread that has ended meanwhile.
  const wait = Math.max(0, processorWait(threads) - waited)
  taken.push(answered ? { total, own: Math.max(0, total - wait) } : { total: patience, own: patience })
  if (wanted) {
    process.send?.(taken)
    taken = []
    wanted = false
  }
  await delay(Number(milliseconds))
}
