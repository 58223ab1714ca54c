import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { projectRoot } from '../support/server.ts'

/** Loads the modules of the evaluator, and writes the names of the packages that came with them. */
const script = `
  import { globSync } from 'node:fs'
  import { registerHooks } from 'node:module'
  const packages = new Set()
  registerHooks({
    load(url, context, next) {
      const [, name] = url.match(/\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)\\/(?!.*\\/node_modules\\/)/) ?? []
      if (name) packages.add(name)
      return next(url, context)
    },
  })
  for (const file of globSync('src/evaluate/child/*.ts')) await import(process.cwd() + '/' + file)
  process.stdout.write(JSON.stringify([...packages].sort()))`

test('an evaluator starts with onnxruntime and the readers of files, and no package beside them', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: projectRoot,
  })
  const packages: string[] = JSON.parse(stdout)
  expect(packages.filter(name => !/^(@protobufjs\/|onnxruntime-)/.test(name))).toEqual([
    'long',
    'onnx-proto',
    'pend',
    'protobufjs',
    'yauzl',
  ])
})
