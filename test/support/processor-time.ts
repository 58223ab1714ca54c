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
