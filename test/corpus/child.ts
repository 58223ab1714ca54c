import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What became of a task: an answer, or how the process ended instead, and the last stage that it had named. */
export type Reply<Answer> = { answer: Answer } | { died: string; stage: string } | { unreadable: string }

/** Where a process is with its task, and how many bytes that is about. */
export type StageMessage = { stage: string; bytes: number }

/** A process that answers one task after the other. It starts with its first task, and anew after it has died. */
export type Child<Task, Answer> = {
  /** @param bytes that it is about: the more, the longer it may take, from each stage that it names to the next */
  ask(task: Task, bytes: number): Promise<Reply<Answer>>
  /** Ends it; the next task starts it anew. */
  end(): void
}

export type ChildLimits = { seconds: number; dataBytes: number }

/** What even a busy machine gets through in a second. */
const bytesPerSecond = 10_000_000

const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find(existsSync)

/** @param module the file that the process runs, beside this one. @param directory where it lives */
export function createChild<Task extends object, Answer>(
  module: string,
  directory: string,
  { seconds, dataBytes }: ChildLimits,
): Child<Task, Answer> {
  let current: { process: ChildProcess; stderr: string } | undefined

  const start = () => {
    const privileges = process.platform === 'linux' && setpriv ? `${setpriv} --pdeathsig KILL ` : ''
    const child = fork(fileURLToPath(new URL(module, import.meta.url)), [], {
      execPath: '/bin/sh',
      execArgv: [
        '-c',
        `ulimit -c 0; ulimit -d ${Math.floor(dataBytes / 1024)} 2>/dev/null; exec ${privileges}"$0" "$@"`,
        process.execPath,
      ],
      cwd: directory,
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const started = { process: child, stderr: '' }
    child.stderr?.on('data', (chunk: Buffer) => {
      started.stderr = (started.stderr + String(chunk)).slice(-2000)
    })
    return started
  }

  return {
    ask(task, bytes) {
      let limit = seconds
      // It may have died after its last answer.
      if (!current?.process.connected) current = start()
      const asked = current
      let stage = ''
      return new Promise(resolve => {
        let timedOut = false
        let timer: NodeJS.Timeout | undefined
        const allow = (size: number) => {
          clearTimeout(timer)
          limit = seconds + Math.ceil(size / bytesPerSecond)
          timer = setTimeout(() => {
            timedOut = true
            asked.process.kill('SIGKILL')
          }, limit * 1000)
        }
        allow(bytes)
        const settle = (reply: Reply<Answer>) => {
          clearTimeout(timer)
          asked.process.removeAllListeners('message').removeAllListeners('exit').removeAllListeners('error')
          resolve(reply)
        }
        const died = (how: string) => {
          current = undefined
          settle({ died: how, stage })
        }
        asked.process.on('message', (message: Reply<Answer> | StageMessage) => {
          if ('bytes' in message) {
            stage = message.stage
            allow(message.bytes)
          } else settle(message)
        })
        asked.process.once('error', error => died(`it could not be started or reached: ${error.message}`))
        asked.process.once('exit', (code, signal) => {
          if (timedOut) return died(`no end after ${limit} s`)
          const lines = asked.stderr.trim().split('\n')
          const why = lines.find(line => /error|terminate|assert/i.test(line)) ?? lines.at(-1) ?? ''
          return died(`the process ended with ${signal ?? `exit code ${code}`} ${why}`.trim())
        })
        asked.process.send(task)
      })
    },
    end() {
      current?.process.removeAllListeners().kill('SIGKILL')
      current = undefined
    },
  }
}
