import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { projectRoot, serverVariables } from '../server.ts'
import type { CallCounts, Fault, FaultMessage, FaultReport } from './protocol.ts'

const noFault: FaultMessage = { kind: null, at: 0, mode: 'EIO' }

const preload = fileURLToPath(new URL('./preload.ts', import.meta.url))

/** A server whose disk fails on request. */
export type FaultyServer = {
  url: string
  process: ChildProcess
  logs: string[]
  /** Runs something while the call with this number fails. @returns the result, and the number of failed calls */
  during<Result>(fault: Fault, run: () => Promise<Result>): Promise<{ result: Result; report: FaultReport }>
  /** Runs something while no call fails. @returns the result, and the number of calls of each kind */
  counting<Result>(run: () => Promise<Result>): Promise<{ result: Result; calls: CallCounts }>
  kill(): Promise<void>
}

export async function startFaultyServer(data: string): Promise<FaultyServer> {
  const child = spawn(process.execPath, ['--import', preload, 'src/server.ts'], {
    cwd: projectRoot,
    env: { ...serverVariables, TUREEN_DATA: data },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const logs: string[] = []
  child.stderr?.on('data', chunk => logs.push(String(chunk)))
  const exited = once(child, 'exit')
  const url = await new Promise<string>((resolve, reject) => {
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', line => {
        logs.push(line)
        const { msg, url } = JSON.parse(line)
        if (msg === 'Tureen is serving') resolve(url)
      })
    exited.then(() => reject(new Error(`the server ended: ${logs.join('\n')}`)))
  })
  const tell = async (message: FaultMessage): Promise<FaultReport> => {
    const answer = once(child, 'message')
    child.send(message)
    const [report] = await answer
    return report
  }
  return {
    url,
    process: child,
    logs,
    async during(fault, run) {
      await tell(fault)
      const result = await run()
      return { result, report: await tell(noFault) }
    },
    async counting(run) {
      await tell(noFault)
      const result = await run()
      return { result, calls: (await tell(noFault)).seen }
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
