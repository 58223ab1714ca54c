/**
 * Milliseconds that something takes which does not wait: those that go by, or those of the processor if these are fewer. Waiting for a
 * processor that others have is not its doing.
 */
export function stopwatch(): () => number {
  const [started, used] = [performance.now(), process.cpuUsage()]
  return () => {
    const { user, system } = process.cpuUsage(used)
    return Math.min(performance.now() - started, (user + system) / 1000)
  }
}
