import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import type { IsolatedEnd, IsolatedProcess } from './isolated-process.ts'

/** Descriptors of an evaluator: see `IsolatedProcess`. */
const evaluatorStdio = ['pipe', 'ignore', 'pipe', 'pipe'] as const

/** A child process with the pipes of an evaluator. */
export type PipedProcess = Pick<IsolatedProcess, 'pid' | 'input' | 'output' | 'errors' | 'exited'> & {
  child: ChildProcess
}

/**
 * Spawns a program with the pipes of an evaluator.
 *
 * @param more pipes behind those, from descriptor 4 on
 * @throws Error of the system if the program cannot be spawned
 */
export async function spawnPiped(
  { program, words }: { program: string; words: readonly string[] },
  options: Pick<SpawnOptions, 'cwd' | 'env'>,
  ...more: 'pipe'[]
): Promise<PipedProcess> {
  const child = spawn(program, words, { ...options, stdio: [...evaluatorStdio, ...more] })
  const { pid, stdin: input } = child
  if (pid === undefined) throw (await once(child, 'error'))[0]
  if (!input) throw new TypeError('a started process has no pipe 0')
  // A failed kill is reported as an error event, which would end the server if nothing listened.
  child.on('error', () => undefined)
  // The exit tells more than the error of a write to an ended process.
  input.on('error', () => undefined)
  const exited = new Promise<IsolatedEnd>(resolve => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  return { child, pid, input, output: pipeFrom(child, 3), errors: pipeFrom(child, 2), exited }
}

/** Returns what a child writes to a descriptor. It is kept until somebody reads it, also beyond the end of the child. */
export function pipeFrom(child: ChildProcess, descriptor: number): Readable {
  const pipe = child.stdio[descriptor]
  if (!(pipe instanceof Readable)) throw new TypeError(`a started process has no pipe ${descriptor}`)
  // When a process ends, Node drops what it wrote, except where something listens for "readable".
  const keep = () => undefined
  const stopKeeping = (event: string | symbol) => {
    if (event !== 'data' && event !== 'readable') return
    pipe.off('newListener', stopKeeping)
    pipe.off('readable', keep)
  }
  pipe.on('readable', keep)
  pipe.on('newListener', stopKeeping)
  return pipe
}
