import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exportPage, exportSummary } from '../../schemas/export.ts'
import { conversionJob, exportJob, mergeJob } from '../../schemas/job.ts'
import { model } from '../../schemas/model.ts'
import { checkpointTensors } from '../support/checkpoints.ts'
import { exportedNet, meanState, safetensorsOf, trainedNet } from '../support/exported-net.ts'
import { json } from '../support/http-client.ts'
import { rawInitializer } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'
import { typed } from '../support/typed-command.ts'

const epochs = [1, 2, 3].map(trainedNet)
const [first = {}, second = {}, third = {}] = epochs
const names = epochs.map((_, index) => `epoch${index + 1}.safetensors`)
const mean = meanState(epochs)

let app: Awaited<ReturnType<typeof startApp>>
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  app = await startApp()
  directory = await temporaryDirectory()
  for (const [index, name] of names.entries())
    await writeFile(join(directory.path, name), safetensorsOf(epochs[index] ?? {}))
  await writeFile(join(directory.path, 'exported.onnx'), exportedNet(third))
})
afterAll(async () => {
  await app.close()
  await directory.remove()
})

const alone = (...parameters: string[]) => typed(parameters, { cwd: directory.path })
const served = (...parameters: string[]) => typed(parameters, { cwd: directory.path, env: { TUREEN_URL: app.url } })
const read = (name: string) => readFile(join(directory.path, name))
const exported = ['--model', 'exported.onnx', '--reference', 'epoch3.safetensors']
const weights = ['fc1.bias', 'fc2.bias', 'onnx::MatMul_9', 'onnx::MatMul_10']
const weightsOf = (bytes: Uint8Array) => weights.map(name => rawInitializer(bytes, name))
const hexOf = (bytes: Uint8Array) => Object.fromEntries(checkpointTensors(bytes).map(({ name, hex }) => [name, hex]))

describe('a soup of checkpoints', () => {
  test.each([
    ['alone', alone],
    ['on a server', served],
  ])('becomes the export of their mean, and that mean as a checkpoint: %s', async (_, run) => {
    const ended = await run(
      ...['soup', ...names, ...exported, '-o', 'soup.onnx', '--checkpoint-out', 'soup.safetensors', '--force'],
    )
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(/^soup\.onnx: .* of epoch1, epoch2, epoch3$/m)
    expect(ended.stdout).toMatch(/^soup\.safetensors: .*, the same soup as a checkpoint$/m)
    expect(weightsOf(await read('soup.onnx'))).toEqual(weightsOf(exportedNet(mean)))
    expect(hexOf(await read('soup.safetensors'))).toEqual(hexOf(safetensorsOf(mean)))
    for (const list of ['models', 'exports', 'jobs'])
      expect(await json(await fetch(`${app.url}/v1/${list}`)), list).toMatchObject({ items: [] })
  })

  test('of one checkpoint is its export', async () => {
    expect(await alone('soup', 'epoch2.safetensors', ...exported, '-o', 'second.onnx')).toMatchObject({ code: 0 })
    expect(weightsOf(await read('second.onnx'))).toEqual(weightsOf(exportedNet(second)))
  })

  test('tells all of its jobs with --json, and writes the recipe of the checkpoint', async () => {
    const ended = await alone('soup', ...names, ...exported, '-o', 'told.onnx', '--recipe-out', 'told.json', '--json')
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    const jobs = z.strictObject({ items: z.tuple([mergeJob, exportJob, conversionJob]) })
    expect(jobs.parse(JSON.parse(ended.stdout)).items[2].result?.report.weights).toBe(4)
    expect(JSON.parse(String(await read('told.json'))).models).toHaveLength(3)
  })

  test('is only checked with --dry-run', async () => {
    const ended = await alone(
      'soup',
      ...names,
      ...exported,
      '-o',
      'dry.onnx',
      '--checkpoint-out',
      'dry.pt',
      '--dry-run',
    )
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(/^output: dry\.onnx\noutput: dry\.pt$/m)
    await expect(read('dry.onnx')).rejects.toThrow('ENOENT')
  })

  test('is refused where the model was exported from another checkpoint', async () => {
    const other = ['--model', 'exported.onnx', '--reference', 'epoch1.safetensors']
    const { code, stderr } = await alone('soup', ...names, ...other, '-o', 'other.onnx')
    expect(code).toBe(1)
    expect(stderr).toMatch(/4 weights of the model exported\.onnx cannot be made from .*epoch1/)
    await expect(read('other.onnx')).rejects.toThrow('ENOENT')
  })

  test.each<[string, string[], RegExp]>([
    ['--model without --reference', ['--model', 'exported.onnx'], /--model needs --reference/],
    ['--reference without --model', ['--reference', 'epoch3.safetensors'], /--reference needs --model/],
    ['--checkpoint-out without --model', ['--checkpoint-out', 'alone.safetensors'], /--checkpoint-out needs --model/],
    ['--checkpoint-out to standard output', [...exported, '--checkpoint-out', '-'], /--checkpoint-out needs a file/],
    ['--recalibrate', [...exported, '--recalibrate', 'x.npz'], /--recalibrate works on models/],
    ['a file that is not there', ['--model', 'none.onnx', '--reference', 'epoch3.safetensors'], /no file none\.onnx/],
  ])('is a mistake with %s', async (_, given, message) => {
    const { code, stderr } = await alone('soup', ...names, ...given, '-o', 'mistake.onnx')
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) })
  })
})

describe('tureen export', () => {
  test('shows what each weight follows from', async () => {
    const { code, stdout, stderr } = await alone('export', 'exported.onnx', '--checkpoint', 'epoch3.safetensors')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^onnx::MatMul_9 +float32\[3, 5\] +transpose\(fc1\.weight, \[1, 0\]\)$/m)
  })

  test('keeps weights that follow from no tensor if it is told to, with a warning', async () => {
    await writeFile(
      join(directory.path, 'half.safetensors'),
      safetensorsOf({ ...third, 'fc1.bias': first['fc1.bias'] ?? { dims: [], values: [] } }),
    )
    expect((await alone('export', 'exported.onnx', '--checkpoint', 'half.safetensors')).code).toBe(1)
    const kept = await alone('export', 'exported.onnx', '--checkpoint', 'half.safetensors', '--unmatched', 'keep')
    expect(kept).toMatchObject({ code: 0, stderr: expect.stringContaining('fc1.bias') })
    expect(kept.stdout).toMatch(/^fc1\.bias +float32\[5\] +kept as it is$/m)
  })

  test('leaves its export on a server with --keep, which ls lists and rm deletes with its models', async () => {
    const ended = await served('export', 'exported.onnx', '--checkpoint', 'epoch3.safetensors', '--keep', '--json')
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    const made = exportSummary.parse(exportJob.parse(JSON.parse(ended.stdout)).result?.export)
    const { stdout } = await served('ls', 'exports')
    expect(stdout).toMatch(new RegExp(`^${made.id} +- +exported +epoch3 `, 'm'))
    const page = await served('ls', 'exports', '--json', '--sort', 'name')
    expect(exportPage.parse(JSON.parse(page.stdout)).items).toEqual([made])
    const removed = await served('rm', made.model.id, made.id, made.checkpoint.id, '--json')
    expect(removed).toMatchObject({ code: 0, stderr: '' })
    const records = z.strictObject({ items: z.tuple([exportSummary, model, model]) })
    expect(records.parse(JSON.parse(removed.stdout)).items[0].id).toBe(made.id)
  })
})
