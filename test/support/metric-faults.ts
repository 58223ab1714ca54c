import { type LabelMatcher, type MetricUse, metricUses } from './promql.ts'
import type { ServedSeries } from './served-series.ts'

/** Labels that Prometheus adds to every series as it scrapes. */
const scraped = ['job', 'instance', 'namespace', 'pod']

/** Functions that turn a counter into what it counted in a time. */
const differences = ['rate', 'increase', 'irate']

/** Returns what is wrong in an expression of PromQL about the metrics of a server, in words. */
export function metricFaults(expression: string, served: ReadonlyMap<string, ServedSeries>): string[] {
  return metricUses(expression).flatMap(use => {
    // Prometheus itself makes this series, for everything that it scrapes.
    const series =
      use.metric === 'up' ? { type: 'gauge', labels: new Map<string, Set<string>>() } : served.get(use.metric)
    if (!series) return [`no server shows ${use.metric}`]
    return [
      ...labelFaults(use, series),
      ...use.matchers.flatMap(matcher => valueFaults(use.metric, matcher, series)),
      ...typeFaults(use, series),
    ]
  })
}

function labelFaults({ metric, matchers, aggregations, pairing }: MetricUse, { labels }: ServedSeries): string[] {
  const used = [...matchers.map(({ label }) => label), ...aggregations.flatMap(each => each.labels), ...pairing]
  return used
    .filter(label => !labels.has(label) && !scraped.includes(label))
    .map(label => `${metric} has no label ${label}`)
}

/** Finds texts that no server shows as a value of the label. In a pattern, each of its alternatives must match a value. */
function valueFaults(metric: string, { label, operator, text }: LabelMatcher, { labels }: ServedSeries): string[] {
  const values = [...(labels.get(label) ?? [])]
  if (values.length === 0) return []
  const fits = (pattern: string) => values.some(value => new RegExp(`^(?:${pattern})$`).test(value))
  const missing = operator.endsWith('~')
    ? alternatives(text).filter(each => !fits(each))
    : values.includes(text)
      ? []
      : [text]
  return missing.map(each => `${metric} has no ${label} ${each}`)
}

/** Returns the alternatives of a pattern: `a` and `b` of `a|b`, `xa` and `xb` of `x(a|b)`. */
function alternatives(pattern: string): string[] {
  const [, before = '', inside, after = ''] = /^([^(|]*)\(([^()]*)\)([^(|]*)$/.exec(pattern) ?? []
  return (inside ?? pattern).split('|').map(each => before + each + after)
}

function typeFaults(
  { metric, functions, aggregations }: MetricUse,
  { type, labels, overServers }: ServedSeries,
): string[] {
  const isDifference = functions.some(each => differences.includes(each))
  if (type === 'gauge' && isDifference) return [`${metric} is a gauge, and its rate means nothing`]
  if (type !== 'gauge' && !isDifference) return [`${metric} counts since the start of a server: use rate or increase`]
  if (
    labels.has('le') &&
    !(functions.includes('histogram_quantile') && aggregations.some(each => each.labels.includes('le')))
  )
    return [`${metric} is of use in histogram_quantile, by le, only`]
  const [first] = aggregations
  if (overServers === 'max' && first?.operator !== 'max')
    return [`${metric} is the same on all servers: take its max first`]
  if (overServers === 'min' && first && first.operator !== 'min')
    return [`of ${metric} the least value counts: take its min`]
  return []
}
