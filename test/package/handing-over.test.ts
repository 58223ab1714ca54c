import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { projectRoot, temporaryDirectory } from '../support/server.ts'
import { ended, machineNodes } from './nodes.ts'

/** In place of the Node that the package brings: says which signals arrive, and ends with 7 at SIGUSR2, or by SIGKILL at SIGUSR1. */
const brought = `#!/bin/sh
trap 'echo SIGINT' INT
trap 'echo SIGTERM' TERM
trap 'echo SIGHUP' HUP
trap 'exit 7' USR2
trap 'kill -KILL $$' USR1
echo "$@"
while :; do sleep 0.05; done
`

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
const bin = (folder: string) => join(directory.path, folder, 'bin/tureen.js')
beforeAll(async () => {
  directory = await temporaryDirectory()
  for (const folder of ['whole', 'bare']) {
    await cp(join(projectRoot, 'bin'), join(directory.path, folder, 'bin'), { recursive: true })
    await writeFile(join(directory.path, folder, 'package.json'), '{"type": "module"}')
  }
  const node = join(directory.path, `whole/node_modules/node-linux-${process.arch}/bin`)
  await mkdir(node, { recursive: true })
  await writeFile(join(node, 'node'), brought)
  await chmod(join(node, 'node'), 0o755)
})
afterAll(() => directory.remove())

/** Starts the command in a process group of its own, as a shell does, and waits until the brought Node runs. */
async function start(node: string) {
  const child = spawn(node, [bin('whole'), 'serve', '--flag'], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const read = createInterface({ input: child.stdout })
  read.on('line', line => lines.push(line))
  await once(read, 'line')
  const exited = once(child, 'exit')
  return {
    lines,
    exited,
    /** Sends a signal to the process, or to its group as a terminal does. */
    async send(signal: NodeJS.Signals, toGroup: boolean) {
      if (child.pid === undefined) throw new Error('the command was not started')
      process.kill(toGroup ? -child.pid : child.pid, signal)
      await delay(400)
    },
  }
}

describe.each(machineNodes)('with $name as the machine has it, the command', ({ execute }) => {
  test('hands over its arguments, and each signal once', async () => {
    const { lines, send, exited } = await start(execute)
    expect(lines.splice(0)).toEqual([
      expect.stringMatching(/^--max-semi-space-size=1 \S+\/dist\/src\/tureen\.js serve --flag$/),
    ])
    await send('SIGTERM', false)
    await send('SIGINT', true)
    await send('SIGHUP', false)
    expect(lines).toEqual(['SIGTERM', 'SIGINT', 'SIGHUP'])
    await send('SIGUSR2', false)
    expect(await exited).toEqual([7, null])
  })

  test('ends by the signal that ends the program', async () => {
    const { send, exited } = await start(execute)
    await send('SIGUSR1', false)
    expect(await exited).toEqual([null, 'SIGKILL'])
  })

  test('says in one line that it cannot run on this system', async () => {
    const elsewhere = `data:text/javascript,Object.defineProperty(process, 'platform', { value: 'win32' })`
    const withoutLoader = `data:text/javascript,import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module'; fs.existsSync = () => false; syncBuiltinESMExports()`
    expect(await ended(execute, ['--import', elsewhere, bin('whole'), '--version'])).toEqual({
      code: 1,
      stdout: '',
      stderr: `tureen: Tureen runs on Linux (x64, arm64) and macOS (arm64), and not on win32 ${process.arch}.\n`,
    })
    expect(await ended(execute, ['--import', withoutLoader, bin('whole'), '--version'])).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^tureen: \S+ cannot run here: it needs a Linux with glibc, .*\n$/),
    })
  })
})

test('without the Node of the package, the command runs a Node that is new enough, and names the one that is not', async () => {
  const [oldest] = machineNodes
  expect(await ended(oldest.execute, [bin('bare'), '--version'])).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^tureen: Tureen needs Node 26, and this is 20\..*--include=optional.*\n$/),
  })
  // It does run, but nothing is compiled in this folder.
  const { stderr } = await ended(process.execPath, [bin('bare'), '--version'])
  expect(stderr).toContain('dist/src/tureen.js')
})
