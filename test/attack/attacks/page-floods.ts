import { Agent, request } from 'node:http'
import type { Attack, Findings } from '../attack.ts'
import type { Target } from '../target.ts'

const connections = 20

/** Milliseconds of processor time that one request may cost the server on average, its own probes and log lines included. */
const mostCost = 12

/** Asks for a path again and again on several connections, as fast as the server answers. @returns what one answer costs, in ms */
async function flood(target: Target, path: string, times: number, { problem }: Findings): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const ask = () =>
    new Promise<void>(resolve => {
      const sent = request(`${target.url}${path}`, { agent, headers: target.headers() }, response => {
        if (response.statusCode !== 200 && response.statusCode !== 404)
          problem(`${path} was answered with ${response.statusCode}`)
        response.resume()
        response.on('close', resolve)
      })
      sent.on('error', error => {
        problem(`${path} was not answered: ${error.message}`)
        resolve()
      })
      sent.end()
    })
  const before = target.processorSeconds()
  await Promise.all(Array.from({ length: times }, ask))
  agent.destroy()
  return ((target.processorSeconds() - before) * 1000) / times
}

/** Bytes by which /metrics may grow when it is asked for many paths, methods and statuses that there are not. */
const mostGrowth = 20_000

/** Asks for a thousand paths that there are not. Were each a series of the metrics, they would grow without end. */
async function askForNonsense(target: Target, { problem, note }: Findings): Promise<void> {
  const bytesOfMetrics = async () => (await (await target.fetch('/metrics')).text()).length
  const before = await bytesOfMetrics()
  for (let index = 0; index < 1_000; index += 1) {
    const method = ['GET', 'POST', 'PROPFIND', 'DELETE'][index % 4] ?? 'GET'
    await (await target.fetch(`/nowhere/${index}?${index}`, { method })).arrayBuffer()
  }
  const growth = (await bytesOfMetrics()) - before
  note(`a thousand paths that there are not: /metrics grew by ${growth} bytes`)
  if (growth > mostGrowth) problem(`/metrics grew by ${growth} bytes`)
}

export const pageFloods: readonly Attack[] = [
  {
    name: 'page-floods',
    does: 'Asks for the API description, the documentation, the metrics and the usage 200 times each on 20 connections; none costs 12 ms.',
    server: 'open',
    async run(target, findings) {
      const paths = [
        '/openapi.json',
        '/docs',
        '/docs/api',
        '/problems/TUREEN_NOT_FOUND',
        '/v1/methods',
        '/metrics',
        '/v1/usage',
        '/nowhere',
      ]
      for (const path of paths) {
        const cost = await flood(target, path, 200, findings)
        findings.note(`${path}: ${cost.toFixed(1)} ms`)
        if (cost > mostCost) findings.problem(`${path} costs ${cost.toFixed(1)} ms of processor time`)
      }
      await askForNonsense(target, findings)
    },
  },
]
