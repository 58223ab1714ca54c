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

/** Descriptors of a process on files below a directory, and on sockets. Linux only. */
export function openDescriptors(pid: number, directory: string): { files: number; sockets: number } {
  const targets = readdirSync(`/proc/${pid}/fd`).map(name => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${name}`)
    } catch {
      // It was closed meanwhile.
      return ''
    }
  })
  return {
    files: targets.filter(
      target => target.startsWith(`${directory}/content/`) || target.startsWith(`${directory}/incoming/`),
    ).length,
    sockets: targets.filter(target => target.startsWith('socket:')).length,
  }
}
