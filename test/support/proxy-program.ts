import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, untilItAnswers } from './nginx.ts'

/** A proxy in front of servers. */
export type StartedProxy = { url: string; close(): Promise<void> }

/** A program that is a proxy. `words`: its arguments for a configuration at this path. */
export type ProxyProgram = { command: string; words(configuration: string): string[] }

/** Starts a proxy on a free port, and waits until it answers. @param configure returns its configuration */
export async function startProxyProgram(
  { command, words }: ProxyProgram,
  workspace: string,
  configure: (directory: string, port: number) => Promise<string>,
): Promise<StartedProxy> {
  const directory = await mkdtemp(join(workspace, `${command}-`))
  const port = await freePort()
  const configuration = join(directory, 'configuration')
  await writeFile(configuration, await configure(directory, port))
  const child: ChildProcess = spawn(command, words(configuration), { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  await untilItAnswers(url, child)
  return {
    url,
    async close() {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
  }
}
