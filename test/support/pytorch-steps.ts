import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import onnxProto from 'onnx-proto'
import { expect } from 'vitest'
import { z } from 'zod'
import { initializerDigests } from './http-client.ts'
import { runNumpy } from './numpy-python.ts'
import { projectFile, projectRoot } from './server.ts'

/** The file of a step's command, and the Python of the block before it. */
type Step = { output: string; code: string }

const expectedFile = z.object({
  uniform: z.object({ tensors: z.record(z.string(), z.string()) }),
  exhaustive_val_accuracy: z.array(z.object({ models: z.array(z.number()), accuracy: z.number() })),
})

/** Returns the steps of a page: blocks of Python, each with the command below it. */
export function stepsOf(page: string): Step[] {
  const blocks = page.matchAll(/^```python\n([^`]*)^```\n\n```sh\n(tureen .* -o (\S+))\n```$/gm)
  return Array.from(blocks, ([, code = '', , output = '']) => ({ output, code }))
}

/** Expects that each command of the page made the soup that NumPy makes by the Python beside it. @param at the digits, where the commands ran */
export async function expectStepsAsNumpy(page: string, at: string): Promise<void> {
  const expected = expectedFile.parse(JSON.parse(String(await projectFile('examples/digits/expected.json'))))
  const averaged = Object.keys(expected.uniform.tensors)
  const models = []
  for (let index = 0; index < 8; index += 1) {
    const { graph } = onnxProto.onnx.ModelProto.decode(await projectFile(`examples/digits/ft${index}.onnx`))
    const data = new Map(graph?.initializer?.map(({ name, rawData }) => [name, Buffer.from(rawData ?? [])]))
    models.push(Object.fromEntries(averaged.map(name => [name, data.get(name)?.toString('base64')])))
  }
  const steps = stepsOf(page)
  const input = { models, subsets: expected.exhaustive_val_accuracy, steps: steps.map(({ code }) => code) }
  const soups = z
    .array(z.record(z.string(), z.string()))
    .parse(await runNumpy(join(projectRoot, 'test/support/pytorch_steps.py'), [], input))
  for (const [index, { output }] of steps.entries())
    expect(initializerDigests(await readFile(join(at, output))), output).toMatchObject(soups[index] ?? {})
  expect(soups).toHaveLength(steps.length)
}
