import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { projectRoot } from '../support/server.ts'

/** Loads modules, and writes the names of the packages that came with them. */
const packagesOf = async (files: string): Promise<string[]> => {
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
  for (const file of globSync('${files}')) await import(process.cwd() + '/' + file)
  process.stdout.write(JSON.stringify([...packages].sort()))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: projectRoot,
  })
  const packages: string[] = JSON.parse(stdout)
  return packages.filter(name => !/^(@protobufjs\/|onnxruntime-)/.test(name))
}

test('an evaluator needs onnxruntime and the readers of files, and no package beside them', async () => {
  expect(await packagesOf('src/evaluate/child/*.ts')).toEqual(['long', 'onnx-proto', 'pend', 'protobufjs', 'yauzl'])
})

test('an evaluator that has started has loaded onnxruntime and the reader of npz files', async () => {
  expect(await packagesOf('src/evaluate/child/main.ts')).toEqual(['pend', 'yauzl'])
})
