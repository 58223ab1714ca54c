import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { ClassResult } from '../../../src/evaluate/metrics/metric.ts'

/** A number as JSON has it, and the three that it lacks by name. */
const number = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)])

const array = z.strictObject({ dims: z.array(z.int()), data: z.array(number) })

const answer = z.strictObject({
  metric: z.string(),
  parameters: z.record(z.string(), z.number()),
  tolerance: z.number(),
  value: number,
  perClass: z
    .array(
      z
        .tuple([z.int(), number, z.int()])
        .transform(([c, value, support]): ClassResult => ({ class: c, value, support })),
    )
    .optional(),
})

const golden = z.array(z.strictObject({ name: z.string(), output: array, target: array, answers: z.array(answer) }))

/** What scikit-learn, PyTorch and NumPy answer; see test/fixtures/metrics/README.md. */
export const goldenSets = golden.parse(
  JSON.parse(await readFile(new URL('../../fixtures/metrics/golden.json', import.meta.url), 'utf8')),
)
