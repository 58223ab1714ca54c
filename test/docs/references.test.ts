import { expect, test } from 'vitest'
import { referencePages } from '../../docs/generator/pages.ts'
import { projectFile } from '../support/server.ts'

test('the pages of docs/reference/ are what the registries and schemas say: npm run build:docs', async () => {
  for (const [name, text] of await referencePages())
    expect(String(await projectFile(`docs/reference/${name}`)), name).toBe(text)
}, 120_000)
