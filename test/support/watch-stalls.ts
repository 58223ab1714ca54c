import { isMainThread } from 'node:worker_threads'

/** Loaded before a server: tells its parent, when asked, for how long the server's event loop was held since it was last asked. */

/** How often the loop is looked at: what takes less is not seen. */
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
