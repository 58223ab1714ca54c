import { readFileSync } from 'node:fs'

const pollMilliseconds = 50

/** The most memory that a process has taken since it was idle. */
export type MemoryWatch = {
  /** Bytes above those of the idle process: resident ones, or those that count for its limit, whichever are more. */
  readonly mostBytes: number
  /** Watches until the returned function is called. @param onExcess called when resident memory is above the limit */
  watch(onExcess: () => void): () => void
  /** Takes a measured peak of resident memory into account, in bytes. */
  see(peakBytes: number): void
}

/** Starts to watch an idle process, if the system tells its memory. @param limitBytes memory that it may take in addition */
export function watchMemory(pid: number, limitBytes: number): MemoryWatch {
  const idle = memoryOf(pid)
  let mostBytes = 0
  const excess = ({ resident, data }: Memory) => {
    const above = resident - idle.resident
    mostBytes = Math.max(mostBytes, above, data - idle.data)
    return above > limitBytes
  }
  return {
    get mostBytes() {
      return mostBytes
    },
    watch(onExcess) {
      const poll = setInterval(() => excess(memoryOf(pid)) && onExcess(), pollMilliseconds)
      return () => clearInterval(poll)
    },
    see(peakBytes) {
      mostBytes = Math.max(mostBytes, peakBytes - idle.resident)
    },
  }
}

/** `resident`: with the page tables, which grow with every place that is read, even if nothing is there. */
type Memory = { resident: number; data: number }

/** Returns the memory of a process in bytes; 0 where the system does not tell, or after the process has ended. */
function memoryOf(pid: number): Memory {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const bytes = (name: string) => Number(status.match(`\n${name}:\\s+(\\d+) kB`)?.[1] ?? 0) * 1024
    return { resident: bytes('VmRSS') + bytes('VmPTE'), data: bytes('VmData') }
  } catch {
    return { resident: 0, data: 0 }
  }
}
