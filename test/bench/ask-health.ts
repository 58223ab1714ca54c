import { setTimeout as delay } from 'node:timers/promises'

/**
 * Asks a server for its health, again and again, until it is told to stop by any message; then says how long each answer took, in
 * seconds. A process of its own: one that starts others, or reads what they print, would count its own delays.
 */
const [url = '', milliseconds = ''] = process.argv.slice(2)
const answers: number[] = []
let asking = true
process.once('message', () => {
  asking = false
})
while (asking) {
  const started = performance.now()
  await (await fetch(`${url}/healthz`)).text()
  answers.push((performance.now() - started) / 1000)
  await delay(Number(milliseconds))
}
process.send?.(answers)
process.disconnect?.()
