import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { projectRoot, serverVariables, startApp } from '../support/server.ts'
import { mountSmallDisk } from '../support/small-disk.ts'

const run = promisify(execFile)

/** Starts the server as `npm start` does, and expects it to end. @returns what it says, and its seconds of processor time */
async function refusal(data: string): Promise<{ said: string; seconds: number }> {
  const script = '"$0" --max-semi-space-size=1 src/server.ts; code=$?; times; exit $code'
  const options = { cwd: projectRoot, env: { ...serverVariables, TUREEN_DATA: data } }
  const ended = await run('/bin/sh', ['-c', script, process.execPath], options).then(
    () => ({ code: 0, stdout: '', stderr: '' }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
  expect(ended).toMatchObject({ code: 1 })
  // The second line is that of the children: user and system.
  const [user, system] = [...(ended.stdout.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, rest]) => 60 * Number(minutes) + Number(rest),
  )
  return { said: ended.stderr, seconds: (user ?? Number.NaN) + (system ?? Number.NaN) }
}

const mounted = await mountSmallDisk(4 << 20)
afterAll(() => mounted?.remove())

test('a directory that cannot be made is refused within a second, with the reason and in one line', async () => {
  const { said, seconds } = await refusal('/proc/tureen')
  expect(said).toMatch(/^tureen: The data directory \/proc\/tureen .*does not take new directories.*\n$/)
  expect(seconds).toBeLessThan(1)
})

describe.skipIf(!mounted)('a volume', () => {
  const path = mounted?.path ?? ''
  const store = join(path, 'store')

  test('that is full is refused within a second for a new store, with the reason', async () => {
    await (await startApp({ TUREEN_DATA: store })).close()
    mkdirSync(join(path, 'empty'))
    await mounted?.fill()
    for (const data of [join(path, 'new'), join(path, 'empty')]) {
      const { said, seconds } = await refusal(data)
      expect(said).toMatch(/the disk is full: make room, or use another volume/)
      expect(seconds).toBeLessThan(1)
    }
    mounted?.makeRoom()
  })

  test('that is read-only is refused within a second, with the reason, for a new store and for one that is there', async () => {
    writeFileSync(join(path, 'file'), '')
    execFileSync('mount', ['-o', 'remount,ro', path])
    try {
      for (const data of [join(path, 'new'), join(path, 'empty'), store]) {
        const { said, seconds } = await refusal(data)
        expect(said).toMatch(/the file system is read-only: mount it writable, or use another one/)
        expect(seconds).toBeLessThan(1)
      }
    } finally {
      execFileSync('mount', ['-o', 'remount,rw', path])
    }
  })
})
