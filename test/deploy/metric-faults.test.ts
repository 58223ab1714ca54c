import { describe, expect, test } from 'vitest'
import { metricFaults } from '../support/metric-faults.ts'
import { metricUses } from '../support/promql.ts'
import { servedSeries } from '../support/served-series.ts'

const served = await servedSeries(['/v1/models/:id'])

describe('an expression about metrics', () => {
  test.each([
    'sum by (type) (rate(tureen_job_failures_total{code="TUREEN_INTERNAL"}[5m]))',
    'histogram_quantile(0.9, sum by (le, type) (rate(tureen_job_duration_seconds_bucket[$__rate_interval])))',
    'sum(max by (type) (tureen_jobs{status=~"queued|running"}))',
    'process_open_fds{job="tureen"} / on (instance) process_max_fds',
    'up == 0',
  ])('that fits has no fault: %s', expression => {
    expect(metricFaults(expression, served)).toEqual([])
  })

  test.each([
    ['max(tureen_queue_depth)', 'no server shows tureen_queue_depth'],
    ['tureen_job_duration_seconds > 1', 'no server shows tureen_job_duration_seconds'],
    ['max by (kind) (tureen_jobs)', 'tureen_jobs has no label kind'],
    ['max(tureen_jobs{state="queued"})', 'tureen_jobs has no label state'],
    ['max(tureen_jobs{status="lost"})', 'tureen_jobs has no status lost'],
    ['max(tureen_jobs{status=~"queued|lost"})', 'tureen_jobs has no status lost'],
    [
      'rate(tureen_job_failures_total{code=~"TUREEN_(INTERNAL|INTERNALS)"}[5m])',
      'tureen_job_failures_total has no code TUREEN_INTERNALS',
    ],
    [
      'rate(tureen_http_requests_total{route="/v1/model/:id"}[5m])',
      'tureen_http_requests_total has no route /v1/model/:id',
    ],
    ['process_open_fds / on (type) process_max_fds', 'process_open_fds has no label type'],
    ['rate(tureen_store_free_bytes[5m])', 'tureen_store_free_bytes is a gauge, and its rate means nothing'],
    [
      'sum(tureen_upload_bytes_total)',
      'tureen_upload_bytes_total counts since the start of a server: use rate or increase',
    ],
    [
      'sum by (le) (rate(tureen_job_duration_seconds_bucket[5m]))',
      'tureen_job_duration_seconds_bucket is of use in histogram_quantile, by le, only',
    ],
    ['sum(tureen_job_queue_depth)', 'tureen_job_queue_depth is the same on all servers: take its max first'],
    ['sum(tureen_store_free_bytes)', 'of tureen_store_free_bytes the least value counts: take its min'],
    ['max(sum by (status) (tureen_jobs))', 'tureen_jobs is the same on all servers: take its max first'],
  ])('%s: %s', (expression, fault) => {
    expect(metricFaults(expression, served)).toContain(fault)
  })

  test('that is not PromQL is refused with its place', () => {
    expect(() => metricUses('sum(rate(up[5m])')).toThrow('No PromQL at 16')
    expect(() => metricUses('sum(up)) > 1')).toThrow('No PromQL at 7: ) > 1')
  })
})
