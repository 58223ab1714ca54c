import { copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readModelDirectory, requireOutside, requireSamePaths } from '../../cli/model-directories.ts'
import { requireNewDirectory, saveDirectory } from '../../cli/output-directory.ts'
import { externalModel } from '../support/external-model.ts'
import { initializerDigests } from '../support/http-client.ts'
import { rawInitializer } from '../support/onnx-model.ts'
import { projectRoot, temporaryDirectory } from '../support/server.ts'
import { typed } from '../support/typed-command.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => directory.remove())
const path = (name: string) => join(directory.path, name)
const write = async (files: Record<string, string | Uint8Array>) => {
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(path(name)), { recursive: true })
    await writeFile(path(name), bytes)
  }
}

describe('a directory of models', () => {
  test('has models and other files by their paths; hidden ones are left out, and links count as files', async () => {
    await write({ 'a/enc.onnx': '', 'a/sub/Dec.ONNX': '', 'a/tok.json': '', 'a/.git/x.onnx': '', blob: '' })
    await symlink(path('blob'), path('a/sub/link.onnx'))
    expect(await readModelDirectory(path('a'))).toEqual({
      path: path('a'),
      models: ['enc.onnx', 'sub/Dec.ONNX', 'sub/link.onnx'],
      others: ['tok.json'],
    })
  })

  test('is refused without models, and with links that lead nowhere', async () => {
    await write({ 'a/x.json': '' })
    await expect(readModelDirectory(path('a'))).rejects.toThrow(/has no ONNX files/)
    await symlink(path('nowhere'), path('a/gone.onnx'))
    await expect(readModelDirectory(path('a'))).rejects.toThrow(/gone\.onnx is no regular file/)
  })

  test('must have the same paths as the others', async () => {
    const of = (name: string, models: string[]) => ({ path: name, models, others: [] })
    expect(() => requireSamePaths([of('a', ['x.onnx']), of('b', ['x.onnx'])])).not.toThrow()
    expect(() => requireSamePaths([of('a', ['x.onnx', 'y.onnx']), of('b', ['x.onnx', 'z.onnx'])])).toThrow(
      expect.objectContaining({ causes: ['y.onnx is in a, not in b.', 'z.onnx is in b, not in a.'] }),
    )
  })
})

describe('the directory of the result', () => {
  test('appears whole, or not at all', async () => {
    await saveDirectory(path('out'), unfinished => writeFile(join(unfinished, 'x'), '1'))
    const failing = saveDirectory(path('out'), async unfinished => {
      await writeFile(join(unfinished, 'x'), '2')
      throw new Error('the disk is full')
    })
    await expect(failing).rejects.toThrow('the disk is full')
    expect(await readFile(path('out/x'), 'utf8')).toBe('1')
    await saveDirectory(path('out'), unfinished => writeFile(join(unfinished, 'y'), '3'))
    expect(await readdir(path('out'))).toEqual(['y'])
    expect(await readdir(directory.path)).toEqual(['out'])
  })

  test('may be empty, and replaces another one only if told to', async () => {
    await write({ 'full/x': '', 'in/a.onnx': '' })
    await mkdir(path('empty'))
    await requireNewDirectory(path('empty'), false, [])
    await expect(requireNewDirectory(path('full'), false, [])).rejects.toThrow(/has files already/)
    await requireNewDirectory(path('full'), true, [path('in')])
    await expect(requireNewDirectory(path('in'), true, [path('in')])).rejects.toThrow(/is in it/)
    await expect(requireNewDirectory(directory.path, true, [path('in')])).rejects.toThrow(/is in it/)
    await expect(requireNewDirectory(path('no/out'), false, [])).rejects.toThrow(/there is no directory/)
    expect(() => requireOutside(path('in'), [path('in-other'), path('..in')])).not.toThrow()
  })
})

describe('tureen soup', () => {
  const soup = (...parameters: string[]) => typed(['soup', ...parameters], { cwd: directory.path })
  const digits = (name: string) => join(projectRoot, 'examples/digits', name)

  test('pairs the models of directories by path, and copies the other files of the base', async () => {
    for (const [name, bias] of Object.entries({ a: 1, b: 3 })) {
      const { main, data } = externalModel([1, 2, 3, 4], [bias, bias], {
        W: { location: `${name}-W.bin` },
        b: { location: `${name}-b.bin` },
      })
      await write({ [`${name}/dec/head.onnx`]: main, [`${name}/same.json`]: '{}', [`${name}/tok.json`]: name })
      for (const [location, bytes] of Object.entries(data)) await write({ [`${name}/dec/${location}`]: bytes })
    }
    await copyFile(digits('ft0.onnx'), path('a/enc.onnx'))
    await copyFile(digits('ft1.onnx'), path('b/enc.onnx'))
    await write({ 'b/more.txt': '' })
    const before = await readdir(directory.path)
    expect(await soup('a', 'b', '--weights', '2,3', '-o', 'out', '--fail-on-warnings')).toMatchObject({ code: 1 })
    expect(await readdir(directory.path)).toEqual(before)
    const ended = await soup('a', 'b', '--weights', '2,3', '-o', 'out')
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^out: 2 models, and 2 other files of a\n/) })
    expect(ended.stderr.trim().split('\n')).toEqual([
      'warning: tok.json differs in b; the result has that of a',
      'warning: more.txt is only in b; the result does not have it',
    ])
    expect((await readdir(path('out'), { recursive: true })).sort()).toEqual([
      'dec',
      'dec/head.onnx',
      'enc.onnx',
      'same.json',
      'tok.json',
    ])
    expect(await readFile(path('out/tok.json'), 'utf8')).toBe('a')
    const expected = JSON.parse(await readFile(digits('expected.json'), 'utf8'))
    expect(initializerDigests(await readFile(path('out/enc.onnx')))).toMatchObject(expected.two_three.tensors)
    const bias = rawInitializer(await readFile(path('out/dec/head.onnx')), 'b')
    // (2 x 1 + 3 x 3) / 5, rounded once.
    expect(bias).toEqual(new Uint8Array(Float32Array.of(2.2, 2.2).buffer))
  }, 180_000)

  test('measures batch norms on the data at the path of each model, as for that model alone', async () => {
    const fixture = (name: string) => join(projectRoot, 'test/fixtures/batch-norm', name)
    for (const name of ['a', 'b']) {
      await mkdir(path(`${name}/vision`), { recursive: true })
      await copyFile(fixture(`${name}.onnx`), path(`${name}/vision/net.onnx`))
    }
    await copyFile(digits('ft0.onnx'), path('a/head.onnx'))
    await copyFile(digits('ft1.onnx'), path('b/head.onnx'))
    await mkdir(path('data/vision'), { recursive: true })
    await copyFile(fixture('calibration.npz'), path('data/vision/net.npz'))
    const alone = ['a/vision/net.onnx', 'b/vision/net.onnx', '--recalibrate', 'data/vision/net.npz', '-o', 'alone.onnx']
    const [ofAll, ofOne, forAll] = await Promise.all([
      soup('a', 'b', '--recalibrate', 'data', '-o', 'out'),
      soup(...alone),
      soup('a', 'b', '--recalibrate', 'data/vision/net.npz', '-o', 'none'),
    ])
    expect([ofAll, ofOne]).toMatchObject([{ code: 0 }, { code: 0 }])
    expect(ofAll.stdout).toMatch(/^vision\/net\.onnx: \d+ tensors averaged, batch norms measured on 1000 samples$/m)
    expect(ofAll.stdout).toMatch(/^head\.onnx: \d+ tensors averaged$/m)
    expect(await readFile(path('out/vision/net.onnx'))).toEqual(await readFile(path('alone.onnx')))
    // The file is for all models, and one of them has no batch norm.
    expect(forAll).toMatchObject({ code: 1, stderr: expect.stringMatching(/a\/head\.onnx: .*no BatchNormalization/) })
    expect(await readdir(directory.path)).not.toContain('none')
    await write({ 'data/other.npz': '', 'no-data/x.txt': '' })
    expect(await soup('a', 'b', '--recalibrate', 'data', '-o', 'none')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/data\/other\.npz belongs to no model: there is no other\.onnx/),
    })
    expect(await soup('a', 'b', '--recalibrate', 'no-data', '-o', 'none')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no-data has no data sets/),
    })
  }, 180_000)

  test('of directories refuses what belongs to one soup', async () => {
    await write({ 'a/x.onnx': '', 'b/x.onnx': '', 'b/y.onnx': '', 'one.onnx': '' })
    const [mixed, unequal, piped, base] = await Promise.all([
      soup('a', 'one.onnx', '-o', 'out'),
      soup('a', 'b', '-o', 'out'),
      soup('a', '-o', '-'),
      soup('a', '-o', 'out', '--base', 'one.onnx'),
    ])
    expect(mixed).toMatchObject({ code: 2, stderr: expect.stringMatching(/a is a directory, and one\.onnx is none/) })
    expect(unequal).toMatchObject({ code: 2, stderr: expect.stringMatching(/y\.onnx is in b, not in a\./) })
    expect(piped).toMatchObject({ code: 2, stderr: expect.stringMatching(/Name one with -o/) })
    expect(base).toMatchObject({ code: 2, stderr: expect.stringMatching(/must be a directory/) })
    await rm(path('out'), { recursive: true, force: true })
  })
})
