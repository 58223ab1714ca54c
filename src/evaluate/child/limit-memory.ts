import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { systemTool } from '../system-tool.ts'

/**
 * Limits the memory that this process may take in addition to its present memory. A larger allocation then fails with std::bad_alloc. The
 * evaluator starts the tool itself: starting a process blocks its parent for a moment, and the server must not block.
 */
export function limitMemory(budgetBytes: number): void {
  const prlimit = systemTool('prlimit')
  if (!prlimit) return
  const kibibytes = /^VmData:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  const limit = Number(kibibytes ?? 0) * 1024 + budgetBytes
  execFileSync(prlimit, ['--pid', String(process.pid), `--data=${limit}`], { stdio: 'ignore' })
}
