import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { systemTool } from '../system-tool.ts'

/**
 * Bounds what this process may have beyond what it has now: a request for more fails as std::bad_alloc does, at once and harmlessly. The
 * process does that to itself, since starting another one holds up whoever does, and the server must not be held up.
 */
export function limitMemory(budgetBytes: number): void {
  const prlimit = systemTool('prlimit')
  if (!prlimit) return
  const kibibytes = /^VmData:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  const limit = Number(kibibytes ?? 0) * 1024 + budgetBytes
  execFileSync(prlimit, ['--pid', String(process.pid), `--data=${limit}`], { stdio: 'ignore' })
}
