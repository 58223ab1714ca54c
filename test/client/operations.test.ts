import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../client/client.ts'
import { operations } from '../../client/operations.ts'
import { json } from '../support/http-client.ts'
import { startApp } from '../support/server.ts'

type Parameter = { name?: string; $ref?: string }
type Described = { operationId: string; parameters?: Parameter[] }

let app: Awaited<ReturnType<typeof startApp>>
let described: Record<string, { method: string; path: string; keyed?: true }>
beforeAll(async () => {
  app = await startApp()
  const { paths } = await json<{ paths: Record<string, Record<string, Described>> }>(
    await fetch(`${app.url}/openapi.json`),
  )
  described = Object.fromEntries(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId, parameters = [] }]) => {
        const keyed = parameters.some(({ name, $ref }) => /idempotency-?key/i.test(name ?? $ref ?? ''))
        return [operationId, { method: method.toUpperCase(), path, ...(keyed ? { keyed } : {}) }]
      }),
    ),
  )
})
afterAll(() => app.close())

describe('the operations of the client', () => {
  test('are those of the OpenAPI document: none is missing, none is unknown', () => {
    expect(Object.keys(operations).sort()).toEqual(Object.keys(described).sort())
  })

  test('have the methods, paths and idempotency keys of the document', () => {
    const told = Object.entries(operations).map(([id, operation]) => {
      const { once: _, ...others } = { once: undefined, ...operation }
      return [id, others]
    })
    expect(Object.fromEntries(told)).toEqual(described)
  })

  test('are its methods, beside wait', () => {
    const methods = Object.keys(createClient({ url: app.url })).filter(name => name !== 'wait')
    expect(methods.sort()).toEqual(Object.keys(operations).sort())
  })

  test('that take nothing all answer', async () => {
    const client = createClient({ url: app.url })
    for (const check of ['getLiveness', 'getInferenceLiveness', 'getReadiness', 'getInferenceReadiness'] as const)
      expect(await client[check]()).toEqual({ status: 'ok' })
    expect((await client.getUsage()).limits.uploadBytes).toBeGreaterThan(0)
    expect(await client.getServiceMetrics()).toContain('# TYPE tureen_')
    expect((await client.listMergeMethods()).items.map(({ name }) => name)).toContain('ties')
    expect((await client.listScoringMetrics()).items.map(({ name }) => name)).toContain('accuracy')
    for (const list of ['listModels', 'listDatasets', 'listExports', 'listJobs'] as const)
      expect(await client[list]()).toEqual({ items: [], nextCursor: null })
  })
})
