import { TureenConnectionError, TureenProblem } from '../client/index.ts'
import packageJson from '../package.json' with { type: 'json' }
import { CommandFailure, errorLines } from './mistakes.ts'

/** Milliseconds for the question which version a server has. */
const questionMilliseconds = 5_000

/** Returns the version of a server, from its OpenAPI document; undefined if it does not say. */
export async function versionOf(server: string, token: string | undefined): Promise<string | undefined> {
  try {
    const response = await fetch(`${server.replace(/\/+$/, '')}/openapi.json`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(questionMilliseconds),
    })
    const document: unknown = await response.json()
    return versionIn(document)
  } catch {
    return undefined
  }
}

function versionIn(document: unknown): string | undefined {
  const info: unknown = Object(document).info
  const version: unknown = Object(info).version
  return typeof version === 'string' ? version : undefined
}

/**
 * Returns the error of a command on a server. If the versions of the two differ, and that may be the cause, the error says so. It may be the cause
 * of an unknown path, field or HTTP method, and of an answer of another form.
 */
export async function withVersions(error: unknown, serverVersion: () => Promise<string | undefined>): Promise<unknown> {
  if (error instanceof CommandFailure || error instanceof TureenConnectionError) return error
  if (error instanceof TureenProblem && !mayBeUnknown(error)) return error
  const version = await serverVersion()
  if (version === undefined || version === packageJson.version) return error
  const [finding = '', ...causes] = errorLines(error)
  return new CommandFailure(finding, [
    ...causes,
    `The server has version ${version}, and this command ${packageJson.version}: one may not know what the other asks for. Install the same version on both.`,
  ])
}

function mayBeUnknown({ status, errors }: TureenProblem): boolean {
  if (status === 404) return errors.some(({ field }) => field === 'path')
  return [400, 405, 415, 422].includes(status)
}
