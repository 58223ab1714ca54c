import { spawn } from 'node:child_process'
import type { StartIsolated } from './isolated-process.ts'
import { type LaunchedEvaluator, launchedEvaluator } from './launched-evaluator.ts'
import { encodeLauncherMessage, launcherMessageReader, launcherRequest } from './launcher-messages.ts'
import { type LauncherOptions, launcherWords } from './launcher-options.ts'

/** The launcher answers within milliseconds, also on a busy machine within seconds. One that is silent for so long is stopped, or hangs. */
const answerMilliseconds = 60_000

/** Starts evaluators in the launcher's sandbox. `close` ends the launcher, and with it every evaluator. */
export type Launcher = { start: StartIsolated; close(): void }

/**
 * Returns a launcher, whose process starts with the first evaluator and lives until `close`. If it dies, its evaluators die with it, and the
 * next start starts another. The server itself never forks while evaluators run.
 * @param mostMilliseconds that its process may take to answer; then it is killed
 */
export function createLauncher(options: LauncherOptions, mostMilliseconds = answerMilliseconds): Launcher {
  let current: LauncherProcess | undefined
  let closed = false
  return {
    async start(start) {
      if (closed) throw new Error('The launcher of evaluators is closed')
      if (!current?.alive) current = startLauncher(options, mostMilliseconds)
      return current.start(start)
    },
    close() {
      closed = true
      current?.close()
    },
  }
}

type LauncherProcess = Launcher & { readonly alive: boolean }

function startLauncher(options: LauncherOptions, mostMilliseconds: number): LauncherProcess {
  const words = ['serve', ...launcherWords(options)]
  const child = spawn(options.binary, words, { env: {}, stdio: ['pipe', 'pipe', 'ignore'] })
  const evaluators = new Map<number, LaunchedEvaluator>()
  let lastId = 0
  let alive = true
  /** By evaluator, while an answer about it is due. */
  const due = new Map<number, NodeJS.Timeout>()
  const expectAnswer = (id: number) => {
    if (!due.has(id)) due.set(id, setTimeout(() => child.kill('SIGKILL'), mostMilliseconds).unref())
  }
  const answered = (id: number) => {
    clearTimeout(due.get(id))
    due.delete(id)
  }
  const lose = () => {
    alive = false
    for (const id of due.keys()) answered(id)
    for (const evaluator of evaluators.values()) evaluator.lost()
  }
  child.once('error', lose)
  child.once('exit', lose)
  // The exit tells more than the error of a write to an ended process.
  child.stdin.on('error', () => undefined)
  const read = launcherMessageReader()
  child.stdout.on('data', (chunk: Buffer) => {
    for (const event of read(chunk)) {
      answered(event.id)
      evaluators.get(event.id)?.on(event)
    }
  })

  return {
    get alive() {
      return alive
    },
    start({ directory, script, cpuSeconds }) {
      lastId += 1
      const id = lastId
      const send = (kind: number, word = 0, text = '') => {
        if (kind !== launcherRequest.opened) expectAnswer(id)
        child.stdin.write(encodeLauncherMessage({ kind, id, words: [word, 0, 0, 0], text }))
      }
      const evaluator = launchedEvaluator(child.pid, send, () => evaluators.delete(id))
      evaluators.set(id, evaluator)
      send(launcherRequest.start, cpuSeconds, `${directory}\0${script}\0`)
      return evaluator.started
    },
    close() {
      child.stdin.end()
    },
  }
}
