import { realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { json, text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { systemTool } from '../system-tool.ts'
import { ownArguments, sharedArguments } from './bubblewrap-arguments.ts'
import type { IsolatedEnd, StartIsolated } from './isolated-process.ts'
import { evaluatorGrants } from './launcher-grants.ts'
import { pipeFrom, spawnPiped } from './piped-process.ts'
import { signalOf } from './signal-of.ts'
import { asUser, limitMemory, type OwnUser, underLimits } from './tool-limits.ts'

/**
 * `bubblewrap`: its path. `user`: number of the user and group of evaluators; undefined for the server's. Changing it takes a server that
 * is root, and setpriv. `launcher`: path of the launcher, which restricts system calls inside; undefined without it.
 */
export type BubblewrapOptions = { bubblewrap: string; user: number | undefined; launcher: string | undefined }

/** Milliseconds between two looks for a process that is about to start. */
const lookMilliseconds = 2

/** The beginning of an exit code that stands for a signal, as in shells. */
const signalCode = 128

const startInfo = z.object({ 'child-pid': z.int() })

/**
 * Returns a function that starts evaluators in bubblewrap. Each has namespaces of its own, and sees only what `evaluatorGrants` grants. Three
 * processes take part: bubblewrap, which waits; the first process of the namespaces, which passes the exit code on; and the evaluator.
 *
 * @throws Error if the user cannot be changed here
 */
export function createBubblewrap({ bubblewrap, user, launcher }: BubblewrapOptions): StartIsolated {
  const owner = user === undefined ? undefined : ownUser(user)
  const node = realpathSync(process.execPath)
  const { read, execute } = evaluatorGrants()
  const tool = launcher ?? owner?.setpriv
  const words = sharedArguments(
    { read, execute: tool === undefined ? execute : [...execute, realpathSync(tool)] },
    user,
  )
  const commandOf = (script: string) =>
    launcher === undefined
      ? [...(owner ? asUser(owner) : []), node, script]
      : [
          realpathSync(launcher),
          'enter',
          ...(user === undefined ? [] : [`user=${user}`]),
          `command=${node}`,
          `command=${script}`,
        ]
  return async ({ directory, script, cpuSeconds }) => {
    const own = ['--info-fd', '4', ...ownArguments(directory), '--', ...commandOf(script)]
    const limited = underLimits(cpuSeconds, [bubblewrap, ...words, ...own])
    const { child, input, output, errors, exited } = await spawnPiped(limited, { env: {} }, 'pipe')
    try {
      const { 'child-pid': first } = startInfo.parse(await json(pipeFrom(child, 4)))
      const pid = await onlyChildOf(first)
      return {
        pid,
        input,
        output,
        errors,
        exited: exited.then(passedOn),
        kill() {
          if (child.exitCode !== null || child.signalCode !== null) return
          try {
            // The namespaces end with their first process. bubblewrap ends after them.
            process.kill(first, 'SIGKILL')
          } catch {
            // It has ended, and the server has not yet seen that bubblewrap has.
          }
        },
        limitMemory: bytes => limitMemory(pid, bytes, owner),
      }
    } catch (error) {
      child.kill('SIGKILL')
      output.destroy()
      const said = (await text(errors)).trim() || String(error)
      throw new Error(`bubblewrap could not start it: ${said}`, { cause: error })
    }
  }
}

/** Returns the process id of the only child of a process, as soon as it has one. */
async function onlyChildOf(id: number): Promise<number> {
  for (;;) {
    const [child] = (await readFile(`/proc/${id}/task/${id}/children`, 'utf8')).split(' ')
    if (child) return Number(child)
    await delay(lookMilliseconds)
  }
}

function ownUser(id: number): OwnUser {
  const setpriv = systemTool('setpriv')
  if (setpriv === undefined) throw new Error('there is no setpriv to change the user with')
  return { setpriv, id }
}

/** Returns the end of an evaluator. bubblewrap passes a signal on as an exit code. */
function passedOn(end: IsolatedEnd): IsolatedEnd {
  const signal = end.code === null ? null : signalOf(end.code - signalCode)
  return signal === null ? end : { code: null, signal }
}
