import { z } from 'zod'
import type { RegisteredMetric } from '../../src/evaluate/metrics/metric-loaders.ts'
import { metrics } from '../../src/evaluate/metrics/metric-registry.ts'
import { parameterSchema } from '../../src/evaluate/metrics/parameter-schema.ts'
import { code, page, table } from './markdown.ts'
import { parameterTable } from './parameters.ts'

const targets = {
  classes: 'class indices or labels',
  values: 'numbers',
  masks: 'label maps',
  reference: 'outputs of a reference model',
} as const
const better = { max: 'higher', min: 'lower' } as const

function section(metric: RegisteredMetric): string {
  const { name, description, target, per, labels } = metric
  return [
    `## ${name}`,
    `${description}.`,
    [
      `- Target: ${targets[target]}.`,
      per === 'sample' ? '- It is the mean of one value for each sample.' : '- It exists for a whole data set only.',
      labels
        ? '- It also compares outputs that are class labels.'
        : '- It needs an output of numbers. It refuses outputs that are class labels.',
    ].join('\n'),
    parameterTable(z.toJSONSchema(parameterSchema(metric), { io: 'input' })),
  ].join('\n\n')
}

/** Returns the page of all scoring metrics, with direction, target and parameters. */
export function scoringMetricsPage(): string {
  const all = [...metrics.values()]
  return page(
    'Scoring metrics',
    'A scoring metric compares the outputs of a model with targets of a data set. `GET /v1/metrics` lists the same as JSON.',
    'An ONNX model can be a scoring metric: `{"name": "mine", "model": "ID", "direction": "max"}`. It takes outputs and targets, and returns one ' +
      'number for each sample, or one number for the batch.',
    table(
      ['scoring metric', 'better', 'target', 'meaning'],
      all.map(({ name, direction, target, description }) => [
        `[${code(name)}](#${name.toLowerCase()})`,
        better[direction],
        targets[target],
        `${description}.`,
      ]),
    ),
    ...all.map(section),
  )
}
