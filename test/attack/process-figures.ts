import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Clock ticks in a second, as every Linux for these processors has it. */
const ticksPerSecond = 100

/** Seconds of processor time that a process has used, all threads together. Linux only. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Names of the threads that answer /healthz and /readyz: the event loop, those for files, and that of the catalog. */
const answering = new Set(['node-MainThread', 'libuv-worker', 'catalog'])

/** The threads of a process that answer /healthz and /readyz. Linux only. */
export function answeringThreads(pid: number): string[] {
  const threads = readdirSync(`/proc/${pid}/task`).map(thread => `/proc/${pid}/task/${thread}`)
  return threads.filter(thread => answering.has(unlessGone(() => readFileSync(`${thread}/comm`, 'utf8')).trim()))
}

/** Milliseconds for which threads were ready to run and waited for a processor, all of them together. Linux only. */
export function processorWait(threads: readonly string[]): number {
  const figures = threads.map(thread => unlessGone(() => readFileSync(`${thread}/schedstat`, 'utf8')))
  return figures.reduce((sum, text) => sum + Number(text.split(' ')[1] ?? 0) / 1e6, 0)
}

/** Descriptors of a process on files below a directory, and on sockets. Linux only. */
export function openDescriptors(pid: number, directory: string): { files: number; sockets: number } {
  const targets = readdirSync(`/proc/${pid}/fd`).map(name => unlessGone(() => readlinkSync(`/proc/${pid}/fd/${name}`)))
  return {
    files: targets.filter(
      target => target.startsWith(`${directory}/content/`) || target.startsWith(`${directory}/incoming/`),
    ).length,
    sockets: targets.filter(target => target.startsWith('socket:')).length,
  }
}

/** What is read of a thread or descriptor, or nothing where it has ended or was closed meanwhile. */
function unlessGone(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}
