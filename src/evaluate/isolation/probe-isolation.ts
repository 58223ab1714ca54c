import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { json, text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { moduleUrl } from '../../own-modules.ts'
import { makeJobDirectory } from '../job-directory.ts'
import type { StartIsolated } from './isolated-process.ts'
import type { ProbeFindings, ProbePlan } from './probe-plan.ts'

const probeModule = fileURLToPath(moduleUrl('./probe-child.ts', import.meta.url))
/** Most seconds of processor time, and most milliseconds, of one probe. */
const probeSeconds = 10
const probeMilliseconds = 20_000
/** Bytes by which a probe bounds the memory of its process, to see whether it can. */
const probeMemoryBytes = 1 << 30

const probeFindings = z.object({
  fileSystem: z.boolean(),
  network: z.boolean(),
  processes: z.boolean(),
  systemCalls: z.boolean(),
  user: z.number().optional(),
})

/**
 * Starts a probe in the place of an evaluator, which tries what an evaluator must not do. It takes about a tenth of a second.
 *
 * @param parent the directory of evaluators' directories
 * @throws Error with the reason if evaluators cannot be started or limited in this way
 */
export async function probeIsolation(start: StartIsolated, parent: string): Promise<ProbeFindings> {
  const directory = await makeJobDirectory(parent)
  try {
    const plan: ProbePlan = {
      hidden: ['/etc/passwd', '/proc/self/environ', `/proc/${process.pid}/environ`, parent, dirname(parent)],
      // In namespaces of its own, the probe may have a process 1 too.
      processes: [process.pid, process.ppid].filter(id => id > 1),
    }
    await writeFile(join(directory.path, 'job', 'plan'), JSON.stringify(plan))
    const probe = await start({ directory: directory.path, script: probeModule, cpuSeconds: probeSeconds })
    const timer = setTimeout(probe.kill, probeMilliseconds)
    const errors = text(probe.errors)
    try {
      const findings = probeFindings.parse(await json(probe.output))
      await probe.limitMemory(probeMemoryBytes)
      return findings
    } catch (error) {
      probe.kill()
      throw new Error((await errors).trim().split('\n').at(-1) || String(error), { cause: error })
    } finally {
      clearTimeout(timer)
      probe.input.end()
      await probe.exited
    }
  } finally {
    await directory.remove()
  }
}
