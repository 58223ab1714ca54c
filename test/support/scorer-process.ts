import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { candidatePage, type ShownCandidateItem } from '../../schemas/candidate.ts'
import { json } from './http-client.ts'
import { projectRoot } from './server.ts'

/** A scorer in a process of its own. */
export type ScorerProcess = { process: ChildProcess; exited: Promise<number | null> }

/**
 * Starts a command of examples/ on a search, such as examples/digits/scorer.ts.
 * @param command the program and its parameters, from the root of the project
 */
export function startScorer(command: readonly string[], environment: Record<string, string> = {}): ScorerProcess {
  const [program = '', ...parameters] = command
  const child = spawn(program, parameters, {
    cwd: projectRoot,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', OPENBLAS_NUM_THREADS: '1', ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return { process: child, exited: once(child, 'exit').then(([code]) => code) }
}

/** Starts the scorer of the digits, which computes accuracy with onnxruntime. `seconds`: of its leases. */
export function startDigitScorer(job: string, seconds = 60): ScorerProcess {
  return startScorer([process.execPath, 'examples/digits/scorer.ts', job, String(seconds)])
}

/** Returns all candidates of a search, in the order in which it asked. */
export async function candidatesOf(job: string): Promise<ShownCandidateItem[]> {
  const candidates: ShownCandidateItem[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '?limit=500' : `?limit=500&cursor=${encodeURIComponent(cursor)}`
    const found = candidatePage.parse(await json(await fetch(`${job}/candidates${query}`)))
    candidates.push(...found.items)
    cursor = found.nextCursor
  }
  return candidates
}
