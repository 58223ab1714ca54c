import { chmodSync, closeSync, mkdirSync, readdirSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import type { ProbeFindings, ProbePlan } from './probe-plan.ts'

/**
 * The probe of a level of isolation: it runs in the place of an evaluator, and tries what an evaluator must not do. It reads its plan in the
 * job's directory, writes its findings to descriptor 3, and ends when descriptor 0 does.
 */
if (import.meta.main) {
  writeSync(3, JSON.stringify(find(JSON.parse(readFileSync('../job/plan', 'utf8')))))
  closeSync(3)
  // The server now limits the memory of this process.
  readSync(0, Buffer.alloc(1))
}

/** Returns the code of a failed attempt; undefined if it succeeds. */
function failure(attempt: () => unknown): string | undefined {
  try {
    attempt()
    return undefined
  } catch (error) {
    return String(Object(error).code)
  }
}

function succeeds(attempt: () => unknown): boolean {
  return failure(attempt) === undefined
}

function find(plan: ProbePlan): ProbeFindings {
  const reads = plan.hidden.some(path => succeeds(() => readFileSync(path)) || succeeds(() => readdirSync(path)))
  const changes = ['.', '../job', '..', '/', '/tmp', '/dev'].some(
    directory =>
      succeeds(() => mkdirSync(`${directory}/probe`)) || succeeds(() => writeFileSync(`${directory}/probe-file`, '')),
  )
  const modeChange = failure(() => chmodSync('../job/plan', 0o600))
  return {
    fileSystem: !reads && !changes && modeChange !== undefined,
    network: !succeeds(() => networkInterfaces()) || Object.keys(networkInterfaces()).every(name => name === 'lo'),
    processes: !plan.processes.some(id => succeeds(() => process.kill(id, 0))),
    // No evaluator changes modes, so the call is not in the list.
    systemCalls: modeChange === 'ENOSYS',
    user: process.getuid?.(),
  }
}
