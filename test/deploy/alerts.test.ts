import { spawnSync } from 'node:child_process'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { environment } from '../../src/configuration/environment.ts'
import { metricFaults } from '../support/metric-faults.ts'
import { servedSeries } from '../support/served-series.ts'
import { projectFile, projectRoot, temporaryDirectory } from '../support/server.ts'

const rulesFile = 'deploy/prometheus/alerts.yaml'
const alert = z.strictObject({
  alert: z.string().regex(/^Tureen\w+$/),
  expr: z.string(),
  for: z
    .string()
    .regex(/^\d+m$/)
    .optional(),
  labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
  annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook: z.string() }),
})
const groups = z.strictObject({ groups: z.array(z.strictObject({ name: z.string(), rules: z.array(alert) })) })
const alerts = groups.parse(parse(String(await projectFile(rulesFile)))).groups.flatMap(({ rules }) => rules)
const served = await servedSeries(['/v1/models'])

/** Alerts that look at a counter itself, because its first value is the news. */
const onFirstValue = ['TureenJobsCutOff', 'TureenJobsFailByServer']

describe('the alert', () => {
  test.each(alerts)('$alert is about metrics that servers show', ({ alert: name, expr }) => {
    const faults = metricFaults(expr, served)
    expect(onFirstValue.includes(name) ? faults.filter(fault => !fault.includes('counts since')) : faults).toEqual([])
  })

  test.each(alerts)('$alert leads to its section in the documentation', async ({ alert: name, annotations }) => {
    const [page = '', anchor] = annotations.runbook.split('#')
    expect(anchor).toBe(name.toLowerCase())
    expect(String(await projectFile(page))).toContain(`\n### ${name}\n`)
  })
})

test('no two alerts have one name', () => {
  expect(new Set(alerts.map(each => each.alert)).size).toBe(alerts.length)
})

test('the alert on a long queue begins at 80% of the default limit', () => {
  const limit = environment.shape.TUREEN_MAX_QUEUED_JOBS.parse(undefined)
  expect(alerts.find(each => each.alert === 'TureenQueueNearlyFull')?.expr).toBe(
    `max(tureen_job_queue_depth) > ${limit * 0.8}`,
  )
})

describe("Prometheus's own tool", () => {
  const isMissing = spawnSync('promtool', ['--version']).error !== undefined
  const promtool = (...parameters: string[]) => {
    const { status, stdout, stderr } = spawnSync('promtool', parameters, { cwd: projectRoot, encoding: 'utf8' })
    return { status, output: `${stdout}${stderr}` }
  }
  const title = isMissing ? ' (skipped: promtool is not installed)' : ''

  test.skipIf(isMissing)(`takes the alerts${title}`, () => {
    expect(promtool('check', 'rules', rulesFile)).toEqual({
      status: 0,
      output: expect.stringContaining(`SUCCESS: ${alerts.length} rules found`),
    })
  })

  test.skipIf(isMissing)(`takes the settings in the documentation${title}`, async () => {
    const blocks = [
      ...String(await projectFile('docs/operations/monitoring.md')).matchAll(/^( *)```yaml\n([\s\S]*?)^ *```$/gm),
    ]
    expect(blocks.length).toBe(2)
    const directory = await temporaryDirectory()
    try {
      await copyFile(join(projectRoot, rulesFile), join(directory.path, 'alerts.yaml'))
      for (const [, indent = '', block = ''] of blocks) {
        const settings = join(directory.path, 'prometheus.yaml')
        // Debian builds Prometheus without its discovery of Kubernetes.
        const known = block.replace(/kubernetes_sd_configs: .*$/m, 'static_configs: []')
        await writeFile(settings, known.replaceAll(new RegExp(`^${indent}`, 'gm'), ''))
        expect(promtool('check', 'config', '--syntax-only', settings)).toEqual({
          status: 0,
          output: expect.stringContaining('SUCCESS'),
        })
      }
    } finally {
      await directory.remove()
    }
  })

  test.skipIf(isMissing)(`finds each alert where it should be, and no other${title}`, async () => {
    const cases = join('test', 'deploy', 'alerts.promtool.yaml')
    expect(promtool('test', 'rules', cases)).toEqual({ status: 0, output: expect.stringContaining('SUCCESS') })
    const { tests } = z
      .object({ tests: z.array(z.object({ alert_rule_test: z.array(z.object({ alertname: z.string() })) })) })
      .parse(parse(String(await projectFile(cases))))
    const tried = new Set(tests.flatMap(each => each.alert_rule_test.map(({ alertname }) => alertname)))
    expect(alerts.map(each => each.alert).filter(name => !tried.has(name))).toEqual([])
  })
})
