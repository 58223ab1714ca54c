import { TureenConnectionError, TureenProblem } from '../client/index.ts'

/** Exit codes of the commands. */
export const exitCodes = { done: 0, failed: 1, usage: 2, gate: 3 } as const

/** A command cannot do what it was asked for. `causes`: one line each. */
export class CommandFailure extends Error {
  readonly causes: readonly string[]

  constructor(message: string, causes: readonly string[] = []) {
    super(message)
    this.causes = causes
  }
}

/** The arguments cannot be right, such as a file that does not exist. Nothing has begun. */
export class UsageMistake extends CommandFailure {}

/** A signal has asked the command to end. */
export class Interruption extends Error {
  /** The exit code as shells have it: 128 and the number of the signal. */
  readonly exitCode: number

  constructor(signal: NodeJS.Signals, number: number) {
    super(`ended by ${signal}`)
    this.exitCode = 128 + number
  }
}

/** Meaning of the system's error codes for a file, with what to do. */
const systemReasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; change the permissions, or name another path',
  EDQUOT: 'the disk quota is used up; make room, or name another path',
  EISDIR: 'it is a directory; name a file in it',
  ENOENT: 'no such file or directory',
  ENOSPC: 'the disk is full; make room, or name another path',
  ENOTDIR: 'a part of the path is a file',
  EROFS: 'the file system is read-only; name another path',
}

/** Returns why a file cannot be read or written, in words. */
export function fileReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const reason = 'code' in error ? systemReasons[String(error.code)] : undefined
  return reason ?? error.message
}

/** Returns an error as lines: the finding, then every cause that it does not contain already. */
export function errorLines(error: unknown): string[] {
  if (error instanceof TureenProblem) {
    const causes = error.errors.map(causeLine).filter(line => !error.detail.includes(line))
    return [error.detail, ...(causes.length > 1 ? causes : causes.filter(line => !error.detail.includes(lastOf(line))))]
  }
  if (error instanceof CommandFailure) return [error.message, ...error.causes]
  if (error instanceof TureenConnectionError) return [error.message]
  return [fileReason(error)]
}

/** Statuses of refusals that are about the content of a request. */
const contentStatuses = [400, 413, 415, 422]

/** Runs what uploads a file, and names the file where the server refuses its content. */
export async function whileSending<Answer>(path: string, send: () => Promise<Answer>): Promise<Answer> {
  try {
    return await send()
  } catch (error) {
    if (!(error instanceof TureenProblem) || !contentStatuses.includes(error.status)) throw error
    const [finding = '', ...causes] = errorLines(error)
    throw new CommandFailure(`${path}: ${finding}`, causes)
  }
}

/** Returns the message of a cause with the names of its subject. */
function causeLine({ message, ...subject }: TureenProblem['errors'][number]): string {
  const names = [subject.field, subject.model, subject.dataset, subject.location, subject.tensor, subject.node]
  const place = names.filter(name => name !== undefined).join(', ')
  return place === '' ? message : `${place}: ${message}`
}

/** Returns the message at the end of a line of {@link causeLine}. */
function lastOf(line: string): string {
  return line.split(': ').slice(1).join(': ')
}
