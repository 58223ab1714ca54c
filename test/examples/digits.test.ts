import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { projectFile, projectRoot } from '../support/server.ts'

const accuracies = z.object({ val: z.object({ accuracy: z.number() }), test: z.object({ accuracy: z.number() }) })
const soup = accuracies.extend({ weights: z.array(z.tuple([z.number(), z.number()])) })
const expectedFile = z.object({
  single: z.array(accuracies),
  best_single: accuracies.extend({ model: z.string() }),
  uniform: accuracies,
  greedy: soup,
  exhaustive: soup,
})

test('npm run example prints its commands, and a table with the accuracies that PyTorch found', async () => {
  const expected = expectedFile.parse(JSON.parse(String(await projectFile('examples/digits/expected.json'))))
  const { stdout } = await promisify(execFile)(process.execPath, ['examples/digits/soup.ts'], {
    cwd: projectRoot,
    // The example needs no server, whatever is configured.
    env: { ...process.env, TUREEN_URL: 'http://127.0.0.1:1' },
  })
  expect(stdout.match(/^\$ tureen search ft0\.onnx .*/gm)).toHaveLength(2)
  const row = (label: string, { val, test }: z.infer<typeof accuracies>) =>
    `| ${label} | ${val.accuracy.toFixed(3)} | ${test.accuracy.toFixed(3)} |`
  const namesOf = ({ weights }: z.infer<typeof soup>) => weights.map(([index]) => `ft${index}`).join(', ')
  expect(stdout.match(/^\|.*\|$/gm)).toEqual([
    '| accuracy | val | test |',
    '|---|---|---|',
    `| the eight models, each alone | ${expected.single.map(({ val }) => val.accuracy.toFixed(3)).join(' ')} | |`,
    row(`best of them: ${expected.best_single.model}`, expected.best_single),
    row('uniform soup of all eight', expected.uniform),
    row(`greedy soup: ${namesOf(expected.greedy)}`, expected.greedy),
    row(`exhaustive soup: ${namesOf(expected.exhaustive)}`, expected.exhaustive),
  ])
})
