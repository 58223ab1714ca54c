import { isMainThread } from 'node:worker_threads'

/** Loaded before a server: on request, tells the parent process how long the event loop was blocked since the last request. */

/** Milliseconds between two checks of the event loop. Shorter blocks are not seen. */
const lookMilliseconds = 2

if (isMainThread && process.argv[1]?.endsWith('server.ts')) {
  let last = process.threadCpuUsage()
  let longest = 0
  const look = () => {
    const { user, system } = process.threadCpuUsage(last)
    longest = Math.max(longest, (user + system) / 1000)
    last = process.threadCpuUsage()
  }
  setInterval(look, lookMilliseconds).unref()
  process.on('message', () => {
    look()
    process.send?.(longest)
    longest = 0
  })
}
