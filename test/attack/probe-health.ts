import { get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Asks a server whether it is alive and ready, in turn and each time on a new connection, until its parent goes. To any message it answers
 * with the milliseconds of every answer since the last message, that of the probe under way included. A process of its own: an attacker would count its own delays.
 */
const [url = '', milliseconds = ''] = process.argv.slice(2)
const paths = ['/healthz', '/readyz']
/** An answer that is not there by then counts as this long. */
const patience = 10_000

let taken: number[] = []
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

for (let index = 0; ; index += 1) {
  const started = performance.now()
  const answered = await ask(paths[index % paths.length] ?? '')
  taken.push(answered ? performance.now() - started : patience)
  if (wanted) {
    process.send?.(taken)
    taken = []
    wanted = false
  }
  await delay(Number(milliseconds))
}
