import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { projectRoot } from '../support/server.ts'

/** Loads modules, and returns the addresses of all that came with them. @param use code that runs then; it has the last module */
const loadedBy = async (files: string, use = ''): Promise<string[]> => {
  const script = `
  import { globSync } from 'node:fs'
  import { registerHooks } from 'node:module'
  const loaded = new Set()
  registerHooks({
    load(url, context, next) {
      loaded.add(url)
      return next(url, context)
    },
  })
  let module
  for (const file of globSync('${files}')) module = await import(process.cwd() + '/' + file)
  ${use}
  process.stdout.write(JSON.stringify([...loaded].sort()))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: projectRoot,
  })
  return JSON.parse(stdout)
}

/** Returns the packages of modules. */
const packagesOf = async (files: string): Promise<string[]> => {
  const found = (await loadedBy(files)).flatMap(
    url => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(url)?.[1] ?? [],
  )
  return [...new Set(found)].filter(name => !/^(@protobufjs\/|onnxruntime-)/.test(name))
}

test('an evaluator needs onnxruntime and the readers of files, and no package beside them', async () => {
  expect(await packagesOf('src/evaluate/child/*.ts')).toEqual(['long', 'onnx-proto', 'pend', 'protobufjs', 'yauzl'])
})

test('an evaluator that has started has loaded onnxruntime and the reader of npz files', async () => {
  expect(await packagesOf('src/evaluate/child/main.ts')).toEqual(['pend', 'yauzl'])
})

test('an evaluator loads the scoring metric of its task, and no other one', async () => {
  const use = `await module.startScorers([{ kind: 'registered', name: 'm', metric: 'mse', parameters: {} }], 1)`
  const metrics = (await loadedBy('src/evaluate/child/scorers.ts', use)).flatMap(
    url => /\/src\/evaluate\/metrics\/([^/]+)\.ts$/.exec(url)?.[1] ?? [],
  )
  expect(metrics).toContain('mse')
  expect(metrics.filter(name => /accuracy|cosine|iou|auc|entropy|metric-registry/.test(name))).toEqual([])
})
