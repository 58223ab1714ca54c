import { expect, test } from 'vitest'
import { attacks } from '../attack/attacks.ts'
import { projectFile } from '../support/server.ts'

const page = String(await projectFile('docs/operations/security-model.md'))
const threats = page
  .slice(page.indexOf('## Threats'))
  .split('\n')
  .filter(line => line.startsWith('| ') && !line.startsWith('| threat |'))
  .map(line =>
    line
      .slice(1, -1)
      .split(' | ')
      .map(cell => cell.trim()),
  )

test('each threat of the security model has what Tureen does, a test that exists, and the residual risk', async () => {
  expect(threats.length).toBeGreaterThan(30)
  for (const row of threats) {
    const [threat = '', , tests = ''] = row
    expect(row).toEqual([1, 2, 3, 4].map(() => expect.stringMatching(/\S/)))
    const files = [...tests.matchAll(/`(test\/[^`]+)`/g)].map(([, file = '']) => file)
    const tried = [...tests.matchAll(/attack `([^`]+)`/g)].map(([, name = '']) => name)
    const named = [...files.map(file => `\`${file}\``), ...tried.map(name => `attack \`${name}\``)]
    expect({ threat, tests }).toEqual({ threat, tests: named.join(', ') || 'none yet' })
    expect(attacks.map(({ name }) => name)).toEqual(expect.arrayContaining(tried))
    for (const file of files) expect(String(await projectFile(file)), file).toContain('expect(')
  }
})

test('what has no test is said to be a risk', () => {
  for (const [threat, , tests, risk] of threats)
    if (tests === 'none yet') expect({ threat, risk }).not.toMatchObject({ risk: expect.stringMatching(/^None/) })
})
