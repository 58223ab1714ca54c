import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { autoscaler } from '../support/kubernetes-objects.ts'
import { manifestsIn } from '../support/kustomization.ts'
import { projectFile, projectRoot } from '../support/server.ts'

const page = String(await projectFile('docs/operations/scale-out.md'))
const found = (pattern: RegExp) => Number(pattern.exec(page)?.[1])

test('each test that the page about clusters names is there', () => {
  const named = [...page.matchAll(/`(test\/[\w/.-]+)`/g)].map(([, file = '']) => file)
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter(file => !existsSync(join(projectRoot, file)))).toEqual([])
})

describe('the sizes in the page about clusters', () => {
  test('have connections for all servers that the autoscalers make, each with one more at its start', async () => {
    const scalers = (await manifestsIn('deploy/kubernetes/base/autoscaling.yaml')).map(each => autoscaler.parse(each))
    const servers = scalers.reduce((sum, { spec }) => sum + spec.maxReplicas, 0)
    expect(found(/the cluster of `deploy\/kubernetes` has (\d+) servers/)).toBe(servers)
    const each = found(/\| connections to PostgreSQL \| (\d+) for each server, and one more during its start/) + 1
    expect(found(/`max_connections` of (\d+)/)).toBeGreaterThanOrEqual(servers * each)
  })

  test('follow the formula: 2 GiB and the evaluators of a worker with two processors and one job of each type', () => {
    const evaluators = 2 * 1 + 2 + 2 * 1
    const rows = [...page.matchAll(/^\| [\d.]+ [MG]B \| (\d+) GiB \| (\d+) GiB \|/gm)]
    expect(rows.length).toBe(3)
    for (const [, evaluator, limit] of rows) expect(Number(limit)).toBe(2 + evaluators * Number(evaluator))
    expect(found(/2 \+ \(2 \+ 2 \+ 2\) x 2 = (\d+) GiB/)).toBe(2 + evaluators * 2)
  })
})
