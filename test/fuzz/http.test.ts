import { expect, test } from 'vitest'
import { runSeed } from '../support/random.ts'
import { fuzzHttp } from './run-http-fuzz.ts'

const requests = 400

test(`${requests} random requests (seed ${runSeed}) are each answered as /openapi.json says`, async () => {
  const { findings, operations } = await fuzzHttp(runSeed, { seconds: 50, requests })
  expect(
    findings.map(
      ({ index, reason, answer, request: { operation, path } }) =>
        `${index} ${operation.method} ${path}: ${reason}: ${answer}`,
    ),
  ).toEqual([])
  // That many operations have succeeded at least once: the requests are not all nonsense.
  expect(operations).toBeGreaterThan(8)
}, 90_000)
