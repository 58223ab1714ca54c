import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { projectRoot } from './server.ts'

/**
 * Returns a script in the place of the evaluator. Its code has functions that write frames and answers. `taken()` reads the task, as far as a
 * pipe needs it, and says so.
 *
 * @param root the directory of the program that the script belongs to
 */
export function hostileScript(code: string, root = projectRoot): string {
  const frames = pathToFileURL(join(root, 'src/evaluate/exchange/frames.ts')).href
  return `import { closeSync, readSync, writeSync } from 'node:fs'
import { frameHead, frameKinds, messageBuffers } from ${JSON.stringify(frames)}
const bytes = value => (typeof value === 'string' ? Buffer.from(value) : value)
const write = (value, descriptor = 3) => {
  for (let rest = bytes(value); rest.byteLength > 0; ) rest = rest.subarray(writeSync(descriptor, rest))
}
const frame = (kind, payload = '') => {
  write(frameHead(frameKinds[kind], bytes(payload).byteLength))
  write(payload)
}
const json = (kind, value) => frame(kind, JSON.stringify(value))
const body = (text, bulk = '') => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes(text).byteLength)
  return Buffer.concat([length, bytes(text), bytes(bulk)])
}
const result = (text, bulk) => {
  for (const each of messageBuffers(frameKinds.result, body(text, bulk))) write(each)
}
const outcome = { metrics: [{ name: 'mse', value: 0.5, ignored: 0 }], samples: 3, notANumber: 0, seconds: 1, latency: { median: 1, p95: 2 } }
const answer = change => result(JSON.stringify({ type: 'evaluated', outcome: { ...outcome, ...change } }))
const score = change => answer({ metrics: [{ ...outcome.metrics[0], ...change }] })
const cause = { field: 'x', message: 'x' }
const problem = change => json('problem', { code: 'TUREEN_EVALUATION_FAILED', detail: 'x', errors: [cause], ...change })
const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
const taken = () => {
  readSync(0, Buffer.alloc(1 << 16))
  frame('taken')
}
${code}`
}
