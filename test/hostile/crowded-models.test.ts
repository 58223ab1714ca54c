import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { limits } from '../../src/onnx/model-limits.ts'
import { projectRoot } from '../support/server.ts'
import { bytesField, modelBytes, onnxField, varintField } from '../support/wire-bytes.ts'

const { model: modelField, graph: graphField, node: nodeField, attribute: attributeField } = onnxField

const repeated = (count: number, field: Uint8Array) => Buffer.alloc(count * field.byteLength, field)
const node = (...fields: Uint8Array[]) => bytesField(graphField.node, fields)
const crowds: [count: number, what: string, model: (count: number) => Buffer][] = [
  [limits.nodes - 10, 'nodes', count => modelBytes([], repeated(count, node()))],
  [limits.tensors - 10, 'tensors', count => modelBytes([], repeated(count, bytesField(graphField.initializer, '')))],
  [
    limits.messages - 10,
    'attributes of a node',
    count => modelBytes([], node(repeated(count, bytesField(nodeField.attribute, '')))),
  ],
  [
    limits.messages - 10,
    'operator sets',
    count => Buffer.concat([modelBytes([]), repeated(count, bytesField(modelField.opsetImport, ''))]),
  ],
  [
    20_000_000,
    'numbers in an attribute',
    count =>
      modelBytes([], node(bytesField(nodeField.attribute, repeated(count, varintField(attributeField.ints, 1))))),
  ],
]
test.each(crowds)('%i %s are described or refused within 1 GB of heap', async (count, _, crowd) => {
  const model = crowd(count)
  // In a process of its own: beyond its heap it would end this one.
  const script = `
    import { inspectSource } from '${projectRoot}/test/support/inspecting.ts'
    import { memorySource } from '${projectRoot}/src/onnx/byte-source.ts'
    import { TureenError } from '${projectRoot}/src/errors.ts'
    const chunks = []
    for await (const chunk of process.stdin) chunks.push(chunk)
    try {
      inspectSource(memorySource(Buffer.concat(chunks)))
    } catch (error) {
      if (!(error instanceof TureenError)) throw error
    }
    process.stdout.write('ended well')`
  const args = ['--max-old-space-size=1000', '--input-type=module', '-e', script]
  const run = promisify(execFile)(process.execPath, args, { timeout: 50_000 })
  run.child.stdin?.on('error', () => {}).end(model)
  const output = await run.then(
    ({ stdout }) => stdout,
    (error: unknown) => `died: ${String(error).match(/heap out of memory|timed out|killed/)?.[0] ?? error}`,
  )
  expect(output).toBe('ended well')
})
