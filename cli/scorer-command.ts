import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { decimal } from '../schemas/common.ts'
import { UsageMistake } from './mistakes.ts'

/** Places in a scorer's command: the file of the candidate, and the data to score it on: selection or test. */
const places = ['model', 'split'] as const

/** The score from a command, or the reason why there is none. `unusable`: the shell could not run the command at all. */
export type Measured = { score: number } | { error: string; unusable?: true }

/** Checks that a command says where the model goes. @param option the option with the command, such as --command */
export function requireModelPlace(option: string, command: string): void {
  if (command.includes('{model}')) return
  throw new UsageMistake(`${option} ${command}: must contain {model}, the place of the candidate's file.`)
}

/** Returns a command for the shell with its places filled in. Values with other characters than those of plain paths are quoted. */
export function filledCommand(command: string, values: Readonly<Record<(typeof places)[number], string>>): string {
  return places.reduce((text, place) => text.replaceAll(`{${place}}`, () => quoted(values[place])), command)
}

function quoted(value: string): string {
  return /^[\w./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
}

/** Most characters of output that are kept: the score is in the last line, and the reason of a failure near the end. */
const keptCharacters = 64 * 1024

/** Most characters of standard error in the reason of a failure. */
const shownCharacters = 1200

/** Milliseconds for a command that is asked to end. Then it is killed. */
const graceMilliseconds = 2_000

/** Milliseconds for the output of processes that the command has left behind. */
const leftoverMilliseconds = 500

/** Exit codes of the shell for a command that it cannot run: not executable, and not found. */
const unusableCodes: readonly (number | null)[] = [126, 127]

/** Process groups of running commands. They end with this process, however that ends. */
const groups = new Set<number>()
let endsGroups = false

/**
 * Runs a command through the shell and reads the score from the last line of its output. The command and all processes that it starts are one
 * process group, which is gone afterwards.
 *
 * @param seconds after which the command is ended; undefined: never
 * @throws the reason of the signal if that aborts
 */
export async function runScorer(command: string, signal: AbortSignal, seconds?: number): Promise<Measured> {
  signal.throwIfAborted()
  if (!endsGroups) process.once('exit', () => [...groups].forEach(group => void endGroup(group, 'SIGKILL')))
  endsGroups = true
  const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const { pid } = child
  if (pid !== undefined) groups.add(pid)
  const kept = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (piece: string) => {
      kept[name] = (kept[name] + piece).slice(-keptCharacters)
    })
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()))
  const exited = new Promise<{ code: number | null; by: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, by) => resolve({ code, by }))
  })
  const limit = seconds === undefined ? undefined : AbortSignal.timeout(seconds * 1000)
  const over = limit ? AbortSignal.any([signal, limit]) : signal
  let killing: NodeJS.Timeout | undefined
  const end = () => {
    endGroup(pid, 'SIGTERM')
    killing = setTimeout(() => endGroup(pid, 'SIGKILL'), graceMilliseconds)
  }
  over.addEventListener('abort', end, { once: true })
  try {
    const { code, by } = await exited
    // Processes that the command has left behind may hold its output open.
    endGroup(pid, 'SIGKILL')
    await Promise.race([closed, delay(leftoverMilliseconds)])
    signal.throwIfAborted()
    if (limit?.aborted) return { error: reasonOf(`the command took longer than ${seconds} s`, kept.stderr) }
    if (by !== null) return { error: reasonOf(`the command was ended by ${by}`, kept.stderr) }
    if (code !== 0) {
      const error = reasonOf(`the command ended with code ${code}`, kept.stderr)
      return unusableCodes.includes(code) ? { error, unusable: true } : { error }
    }
    return scoreIn(kept.stdout)
  } finally {
    over.removeEventListener('abort', end)
    clearTimeout(killing)
    if (pid !== undefined) groups.delete(pid)
    for (const stream of [child.stdout, child.stderr]) stream.destroy()
  }
}

/** Returns the score in the last line of an output. */
export function scoreIn(output: string): Measured {
  const line = output.trimEnd().split('\n').at(-1)?.trim() ?? ''
  if (line === '') return { error: 'the command wrote nothing; the last line of its output must be the score' }
  const score = decimal(line)
  if (Number.isFinite(score)) return { score }
  return { error: `the last line of the output is "${line.slice(0, 200)}", and must be a finite number` }
}

function reasonOf(what: string, stderr: string): string {
  const tail = stderr.trim().slice(-shownCharacters)
  return tail === '' ? what : `${what}: ${tail}`
}

/** Sends a signal to all processes of a group. */
function endGroup(group: number | undefined, by: NodeJS.Signals): void {
  if (group === undefined) return
  try {
    process.kill(-group, by)
  } catch {
    // No process of it is left.
  }
}
