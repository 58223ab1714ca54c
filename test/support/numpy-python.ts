import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

let found: Promise<string> | undefined

/** Returns the path of a Python with NumPy. @throws Error if there is none; `.ci/run` installs Debian's */
export function numpyPython(): Promise<string> {
  // Each search for it starts a Python that loads NumPy.
  found ??= findNumpyPython()
  return found
}

async function findNumpyPython(): Promise<string> {
  for (const command of ['/usr/bin/python3', 'python3']) {
    const probe = ['-c', 'import sys, numpy; print(sys.executable)']
    const answer = await promisify(execFile)(command, probe).catch(() => undefined)
    if (answer !== undefined) return answer.stdout.trim()
  }
  throw new Error('no Python has NumPy: apt-get install python3-numpy')
}

/** Runs a script with NumPy. @returns the JSON that it writes for the JSON that it reads */
export async function runNumpy(script: string, parameters: readonly string[], input: unknown): Promise<unknown> {
  const environment = { ...process.env, OPENBLAS_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' }
  const options = { env: environment, maxBuffer: 100_000_000 }
  const running = promisify(execFile)(await numpyPython(), [script, ...parameters], options)
  running.child.stdin?.end(JSON.stringify(input))
  return JSON.parse((await running).stdout)
}
