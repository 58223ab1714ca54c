import { leastStall, mostStallOfOne } from '../../support/least-stall.ts'
import { linearModel } from '../../support/onnx-model.ts'
import type { Attack, Findings } from '../attack.ts'
import type { Target } from '../target.ts'
import { jsonBodies, yamlBodies } from './json-bodies.ts'

const mostAnswer = 100_000
const paths = ['/v1/merges', '/v1/searches', '/v1/comparisons', '/v1/evaluations']

/** Sends each body to each path; it must be refused in few bytes, with an error of the client's, and without holding the loop. */
async function sendAll(
  target: Target,
  findings: Findings,
  type: string,
  bodies: Record<string, string>,
  to: readonly string[],
): Promise<void> {
  let slowest = { what: '', stall: 0 }
  for (const [name, body] of Object.entries(bodies)) {
    for (const path of to) {
      const what = `${name} to ${path}`
      const send = async () => {
        const response = await target.fetch(path, { method: 'POST', headers: { 'content-type': type }, body })
        const text = await response.text()
        if (response.status < 400 || response.status >= 500)
          findings.problem(`${what} was answered with ${response.status}: ${text.slice(0, 160)}`)
        if (text.length > mostAnswer) findings.problem(`${what} was answered with ${text.length} bytes`)
      }
      const stall = await leastStall(() => target.stallOf(send))
      if (stall > mostStallOfOne) findings.problem(`${what} held the loop for ${stall.toFixed(0)} ms`)
      if (stall > slowest.stall) slowest = { what, stall }
    }
  }
  findings.note(
    `${Object.keys(bodies).length} bodies; the slowest, ${slowest.what}, held the loop for ${slowest.stall.toFixed(0)} ms`,
  )
}

async function sendRecipes(target: Target, findings: Findings, bodies: Record<string, string>): Promise<void> {
  for (const [name, body] of Object.entries(bodies)) {
    const form = new FormData()
    for (const weight of [1, 2]) form.append('model', new Blob([linearModel([weight], [1])]), 'a.onnx')
    form.append('recipe', body)
    const send = async () => {
      const response = await target.fetch('/v1/soup', { method: 'POST', body: form })
      const text = await response.text()
      if (response.status < 400 || response.status >= 500)
        findings.problem(`${name} as a recipe was answered with ${response.status}: ${text.slice(0, 160)}`)
      if (text.length > mostAnswer) findings.problem(`${name} as a recipe was answered with ${text.length} bytes`)
    }
    const stall = await leastStall(() => target.stallOf(send))
    if (stall > mostStallOfOne) findings.problem(`${name} as a recipe held the loop for ${stall.toFixed(0)} ms`)
  }
}

export const costlyJson: readonly Attack[] = [
  {
    name: 'costly-json',
    does: 'Posts 45 kinds of JSON of at most 1 MB to every route; none may hold the loop above 50 ms, or be answered with more than 100 KB.',
    server: 'open',
    async run(target, findings) {
      const id = await target.upload(linearModel([1], [1]))
      const bodies = jsonBodies(id)
      for (const [name, body] of Object.entries(bodies))
        if (body.length > 1_000_000) findings.problem(`${name} has ${body.length} bytes`)
      await sendAll(target, findings, 'application/json', bodies, paths)
      await sendRecipes(target, findings, bodies)
    },
  },
  {
    name: 'costly-yaml',
    does: 'Posts 21 kinds of YAML of at most 1 MB: laughs, aliases, nesting, anchors, long texts; the same bounds as for JSON.',
    server: 'open',
    async run(target, findings) {
      const id = await target.upload(linearModel([1], [1]))
      await sendAll(target, findings, 'application/yaml', yamlBodies(id), ['/v1/merges'])
      await sendRecipes(target, findings, yamlBodies(id))
    },
  },
]
