import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { model } from '../../schemas/model.ts'
import { checkpointBytes, checkpointTensors, expectedMeans } from '../support/checkpoints.ts'
import { projectRoot, temporaryDirectory } from '../support/server.ts'
import { typed } from '../support/typed-command.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  await cp(join(projectRoot, 'test/fixtures/checkpoints'), directory.path, { recursive: true })
})
afterAll(() => directory.remove())

const command = (...parameters: string[]) => typed(parameters, { cwd: directory.path })
const hexOf = (bytes: Buffer) => Object.fromEntries(checkpointTensors(bytes).map(({ name, hex }) => [name, hex]))

describe('tureen on checkpoints', () => {
  test('inspects a safetensors file, with its texts', async () => {
    const { code, stdout } = await command('inspect', 'step1.safetensors')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^checkpoint\s+safetensors$/m)
    expect(stdout).toMatch(/^metadata\s+step: 1$/m)
    expect(stdout).toMatch(/^parameters\s+21$/m)
    expect(stdout).not.toMatch(/^inputs/m)
  })

  test('inspects a file of torch.save under the root that it is told', async () => {
    const { stdout } = await command('inspect', '--json', '--root', 'ema', 'two-roots.pt')
    expect(model.parse(JSON.parse(stdout)).checkpoint).toMatchObject({ root: 'ema', roots: ['model', 'ema'] })
  })

  test('says how to save the weights of a pickled module', async () => {
    const { code, stderr } = await command('inspect', 'module.pt')
    expect(code).toBe(1)
    expect(stderr).toMatch(/module\.pt: The checkpoint pickles an object of code.*state_dict\(\), "weights\.pt"/s)
  })

  test('makes a soup of epochs, and one file of shards that lie beside their index', async () => {
    expect(await command('soup', 'epoch1.pt', 'epoch2.pt', 'epoch3.pt', '-o', 'soup.safetensors')).toMatchObject({
      code: 0,
    })
    expect(hexOf(await readFile(join(directory.path, 'soup.safetensors')))).toEqual(expectedMeans('epochs'))
    const sharded = await command('soup', 'model.safetensors.index.json', '-o', 'whole.safetensors')
    expect(sharded).toMatchObject({ code: 0 })
    const first = hexOf(checkpointBytes('model-00001-of-00002.safetensors'))
    const second = hexOf(checkpointBytes('model-00002-of-00002.safetensors'))
    expect(hexOf(await readFile(join(directory.path, 'whole.safetensors')))).toEqual({ ...first, ...second })
  })

  test('averages and compares the dicts of tensors under the root that it is told', async () => {
    // The fixture has w = 1 under model and w = 2 under ema.
    expect(await command('soup', 'two-roots.pt', '--root', 'ema', '-o', 'ema.safetensors')).toMatchObject({ code: 0 })
    const two = Buffer.from(Float32Array.of(2).buffer).toString('hex')
    expect(hexOf(await readFile(join(directory.path, 'ema.safetensors')))).toEqual({ w: two })
    const compared = await command('compare', 'two-roots.pt', 'ema.safetensors', '--root', 'ema')
    expect(compared).toMatchObject({ code: 1, stderr: expect.stringMatching(/ema\.safetensors: .*Leave root out/) })
    const missing = await command('soup', 'two-roots.pt', '--root', 'emma', '-o', 'never.safetensors')
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/two-roots\.pt: .*under emma; it has some under: model, ema/),
    })
  })

  test('pushes a file of torch.save as a model, though it is a zip archive as data sets are', async () => {
    const { code, stdout } = await command('push', 'two-roots.pt', '--root', 'ema', '--store', 'store', '--json')
    expect(code).toBe(0)
    expect(model.parse(JSON.parse(stdout))).toMatchObject({ kind: 'checkpoint', checkpoint: { root: 'ema' } })
  })
})
