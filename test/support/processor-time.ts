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
