import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { filledCommand, runScorer, scoreIn } from '../../cli/scorer-command.ts'
import { randomCases } from '../support/random-cases.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterAll(() => directory.remove())

const never = new AbortController().signal
const run = (command: string, seconds?: number) => runScorer(command, never, seconds)

/** True while a process with this id runs. A dead one whose parent has not asked for its end counts as dead. */
async function runs(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return state !== '' && !/^\d+ \(.*\) Z/.test(state)
}

describe('the score of a command', () => {
  test.each([
    ['echo 0.25', { score: 0.25 }],
    ['echo loading; echo; echo " -1.5e-3 "; echo', { score: -0.0015 }],
    ["printf '7\\r\\n'", { score: 7 }],
    ['seq 100000; echo 3', { score: 3 }],
    ['echo 0.5; echo "accuracy 0.9" >&2', { score: 0.5 }],
    ['echo NaN', { error: expect.stringContaining('is "NaN", and must be a finite number') }],
    ['echo inf', { error: expect.stringContaining('"inf"') }],
    ['echo 0x10', { error: expect.stringContaining('"0x10"') }],
    ['echo 0.5; echo done', { error: expect.stringContaining('"done"') }],
    ['true', { error: expect.stringContaining('the command wrote nothing') }],
    ['echo 1; echo no GPU >&2; exit 3', { error: 'the command ended with code 3: no GPU' }],
    ['kill -9 $$', { error: 'the command was ended by SIGKILL' }],
    ['./not-there.sh', { error: expect.stringContaining('not found'), unusable: true }],
  ])('%s', async (command, measured) => {
    expect(await run(command)).toEqual(measured)
  })

  test('is the same whatever number a command prints', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), score => {
        // A zero is printed without its sign.
        expect(scoreIn(`noise\n${score}\n`)).toEqual({ score: score + 0 })
      }),
      { numRuns: randomCases(300) },
    )
  })

  test('of a command that writes much on standard error has the end of it', async () => {
    const measured = await run('seq 1 300000 >&2; echo the reason >&2; exit 1')
    expect(measured).toMatchObject({
      error: expect.stringMatching(/^the command ended with code 1: [\s\S]*the reason$/),
    })
    expect(JSON.stringify(measured).length).toBeLessThan(2_000)
  })
})

describe('processes of a command', () => {
  const pidIn = async (name: string) => Number(await readFile(join(directory.path, name), 'utf8'))

  test('that it leaves behind are ended, and do not keep its score back', async () => {
    const began = performance.now()
    expect(await run(`sleep 300 & echo $! > ${directory.path}/forked; echo 1`)).toEqual({ score: 1 })
    expect(performance.now() - began).toBeLessThan(60_000)
    while (await runs(await pidIn('forked'))) await delay(20)
  })

  test('in a session of their own do not keep its score back either', async () => {
    expect(await run(`setsid sleep 20 & echo $! > ${directory.path}/session; echo 2`)).toEqual({ score: 2 })
    process.kill(await pidIn('session'))
  })

  test('end with a command that takes too long, even if they ignore the request', async () => {
    const measured = await run(`trap '' TERM; echo $$ > ${directory.path}/stubborn; while :; do sleep 0.2; done`, 1)
    expect(measured).toEqual({ error: 'the command took longer than 1 s' })
    while (await runs(await pidIn('stubborn'))) await delay(20)
  })

  test('end when the scorer is told to', async () => {
    const controller = new AbortController()
    const running = runScorer(`sleep 300 & echo $! > ${directory.path}/aborted; wait`, controller.signal)
    while (!(await readFile(join(directory.path, 'aborted'), 'utf8').catch(() => '')).trim()) await delay(20)
    controller.abort(new Error('told to'))
    await expect(running).rejects.toThrow('told to')
    while (await runs(await pidIn('aborted'))) await delay(20)
  })
})

test('a path reaches the command as it is, whatever characters it has', async () => {
  const odd = join(directory.path, `it's "a" $HOME \`id\` ; rm * \\ ü`)
  await mkdir(odd)
  await writeFile(join(odd, 'model.onnx'), '0.75\n')
  expect(await run(filledCommand('cat {model}', { model: join(odd, 'model.onnx'), split: 'test' }))).toEqual({
    score: 0.75,
  })
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1 }).filter(text => !text.includes('\0')),
      model => {
        const command = filledCommand("printf %s {model} '{split}'", { model, split: 'test' })
        expect(execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' })).toBe(`${model}test`)
      },
    ),
    { numRuns: randomCases(45) },
  )
})

test('a plain path may stand in quotes of the command', () => {
  const values = { model: '/tmp/tureen-1/model.onnx', split: 'selection' }
  expect(filledCommand('run "{model}" --on {split}', values)).toBe('run "/tmp/tureen-1/model.onnx" --on selection')
})
