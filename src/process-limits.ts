import { readFileSync } from 'node:fs'

/** Limits of this process (`ulimit`) when the module was loaded; undefined if the system does not tell them. */
export type ProcessLimits = {
  /** Most open files and connections. Node raises this limit to the hard limit when it starts. */
  openFiles: number | undefined
  /** Most bytes of address space; undefined also if there is no limit. */
  addressSpaceBytes: number | undefined
}

/** The limits, read at import time: a process with too many open files cannot read them any more. */
export const processLimits: ProcessLimits = parseLimits(readLimits())

/** Reads the limits from a text. @param text the content of Linux's `/proc/self/limits` */
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
    // Only Linux has this file.
    return ''
  }
}
