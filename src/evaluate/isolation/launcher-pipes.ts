import { closeSync, constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import type { IsolatedProcess } from './isolated-process.ts'

/**
 * Opens the server's ends of an evaluator's pipes, which the launcher holds open. Node cannot receive descriptors from another process, but
 * Linux opens a pipe again by its place in /proc.
 *
 * @param launcher process id of the launcher
 * @param ends its descriptors of the pipes for requests, answers and errors
 * @throws Error of the system if an end cannot be opened
 */
export function openLauncherPipes(
  launcher: number | undefined,
  [requests, answers, errors]: readonly number[],
): Pick<IsolatedProcess, 'input' | 'output' | 'errors'> {
  const opened: number[] = []
  const open = (end: number | undefined, access: number) => {
    const fd = openSync(`/proc/${launcher}/fd/${end}`, access | constants.O_NONBLOCK)
    opened.push(fd)
    return fd
  }
  try {
    const [input, output, others] = [
      open(requests, constants.O_WRONLY),
      open(answers, constants.O_RDONLY),
      open(errors, constants.O_RDONLY),
    ]
    return {
      input: new Socket({ fd: input, readable: false, writable: true }),
      output: new Socket({ fd: output, readable: true, writable: false }),
      errors: new Socket({ fd: others, readable: true, writable: false }),
    }
  } catch (error) {
    for (const fd of opened) closeSync(fd)
    throw error
  }
}
