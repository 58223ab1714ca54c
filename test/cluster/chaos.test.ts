import { expect, test } from 'vitest'
import { runChaos } from '../chaos/run-chaos.ts'
import { runSeed } from '../support/random.ts'

test(`a cluster keeps what it acknowledged while its parts are killed, frozen and restarted (seed ${runSeed})`, async ({
  annotate,
}) => {
  const { counts, problems } = await runChaos(
    { seed: runSeed, uploads: 100, jobs: 40, faultSeconds: 5 },
    () => undefined,
  )
  await annotate(
    Object.entries(counts)
      .map(([what, count]) => `${count} ${what}`)
      .join(', '),
  )
  expect(problems).toEqual([])
  expect(counts.uploads).toBeGreaterThanOrEqual(100)
}, 900_000)
