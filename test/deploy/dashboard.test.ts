import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { json } from '../support/http-client.ts'
import { metricFaults } from '../support/metric-faults.ts'
import { metricUses } from '../support/promql.ts'
import { servedSeries } from '../support/served-series.ts'
import { projectFile, startApp } from '../support/server.ts'

const place = z.strictObject({ x: z.number(), y: z.number(), w: z.number().positive(), h: z.number().positive() })
const source = z.object({ uid: z.literal('$' + '{datasource}') })
const target = z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string(), datasource: source })
const panel = z.object({
  id: z.number(),
  title: z.string(),
  type: z.enum(['row', 'stat', 'timeseries']),
  gridPos: place,
  description: z.string().optional(),
  targets: z.array(target).default([]),
})
const dashboard = z
  .object({
    title: z.literal('Tureen'),
    panels: z.array(panel),
    templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.unknown() })) }),
  })
  .parse(JSON.parse(String(await projectFile('deploy/grafana/tureen.json'))))

const queries = dashboard.panels.flatMap(({ title, targets }) => targets.map(each => ({ title, ...each })))

describe('the dashboard', () => {
  let app: Awaited<ReturnType<typeof startApp>>
  let served: Awaited<ReturnType<typeof servedSeries>>
  beforeAll(async () => {
    app = await startApp()
    const { paths } = await json<{ paths: object }>(await fetch(`${app.url}/openapi.json`))
    served = await servedSeries(Object.keys(paths).map(path => path.replaceAll(/\{(\w+)\}/g, ':$1')))
  })
  afterAll(() => app.close())

  test.each(queries)('$title: $expr', ({ expr, legendFormat }) => {
    expect(metricFaults(expr, served)).toEqual([])
    // A legend shows labels that are left after the aggregation.
    for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
      for (const { aggregations } of metricUses(expr)) expect(aggregations[0]?.labels).toContain(label)
  })

  test('shows the servers that were chosen, and no others', () => {
    for (const { expr } of queries)
      for (const { metric, matchers } of metricUses(expr))
        expect({ metric, matchers }).toMatchObject({
          matchers: expect.arrayContaining([
            { label: 'job', operator: '=', text: '$job' },
            { label: 'instance', operator: '=~', text: '$instance' },
          ]),
        })
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance'])
  })

  test('has panels with numbers and places of their own, each with a description and a query', () => {
    const { panels } = dashboard
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ title, gridPos: { x, y, w, h } }) => {
      expect({ title, right: x + w }).toEqual({ title, right: expect.toSatisfy((right: number) => right <= 24) })
      return Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`)
    })
    expect(new Set(cells).size).toBe(cells.length)
    for (const { type, title, description, targets } of panels.filter(each => each.type !== 'row'))
      expect({ type, title, description, targets: targets.length }).toMatchObject({
        description: expect.stringMatching(/\.$/),
        targets: expect.toSatisfy((count: number) => count > 0),
      })
  })
})
