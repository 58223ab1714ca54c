/**
 * Returns a function that tells the milliseconds of a computation so far: elapsed time, or processor time if that is less. Time in which
 * other programs have the processor does not count.
 */
export function stopwatch(): () => number {
  const [started, used] = [performance.now(), process.cpuUsage()]
  return () => {
    const { user, system } = process.cpuUsage(used)
    return Math.min(performance.now() - started, (user + system) / 1000)
  }
}

/** Returns the milliseconds of this thread's processor that something takes. */
export function threadCost(run: () => unknown): number {
  const before = process.threadCpuUsage()
  run()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}

/** Milliseconds between two checks of the event loop. Shorter blocks are not seen. */
const lookMilliseconds = 2

/**
 * Watches the event loop of this thread. `longest`: returns the milliseconds of processor time of its longest block since the last call.
 * @param onLook called after each check
 */
export function watchLoop(onLook: () => void = () => undefined): { longest(): number; stop(): void } {
  let last = process.threadCpuUsage()
  let most = 0
  const look = () => {
    const { user, system } = process.threadCpuUsage(last)
    most = Math.max(most, (user + system) / 1000)
    onLook()
    last = process.threadCpuUsage()
  }
  const watch = setInterval(look, lookMilliseconds).unref()
  return {
    longest() {
      look()
      const found = most
      most = 0
      return found
    },
    stop: () => clearInterval(watch),
  }
}
