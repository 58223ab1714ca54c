import { readFileSync } from 'node:fs'

/** What the system allows this process (`ulimit`), as found when this module was loaded; undefined where it does not say. */
export type ProcessLimits = {
  /** Files and connections that may be open. Node raises it to the hard limit when it starts. */
  openFiles: number | undefined
  /** Bytes of address space; undefined also if they are not limited. */
  addressSpaceBytes: number | undefined
}

/** Read at once: with too many files open it could not be read any more. */
export const processLimits: ProcessLimits = parseLimits(readLimits())

/** @param text what Linux has in `/proc/self/limits` */
export function parseLimits(text: string): ProcessLimits {
  const soft = (name: string) => {
    const value = new RegExp(`^${name} +(\\d+)`, 'm').exec(text)?.[1]
    return value === undefined ? undefined : Number(value)
  }
  return { openFiles: soft('Max open files'), addressSpaceBytes: soft('Max address space') }
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    // Not Linux.
    return ''
  }
}
