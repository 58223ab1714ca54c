import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorCatalogue } from '../../src/error-catalogue.ts'
import { json } from '../support/http-client.ts'
import { projectFile, startApp } from '../support/server.ts'

/** Codes that no operation of the document answers with, and why. */
const elsewhere: Record<string, string> = {
  TUREEN_METHOD_NOT_ALLOWED: 'answers HTTP methods that the document does not have',
}

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

describe('the codes of errors', () => {
  test('stand in the document, each at an operation', async () => {
    const document = JSON.stringify(await json(await fetch(`${app.url}/openapi.json`)))
    const missing = Object.keys(errorCatalogue).filter(code => !document.includes(code))
    expect(missing.sort()).toEqual(Object.keys(elsewhere).sort())
  })

  test('are declared by services: routes name none but those that they throw', async () => {
    for (const name of await readdir(new URL('../../routes', import.meta.url))) {
      const text = String(await projectFile(`routes/${name}`))
      const named = [...text.matchAll(/'TUREEN_\w+'/g)].length
      const thrown = [...text.matchAll(/new TureenError\(\s*'TUREEN_\w+'/g)].length
      expect({ name, named }).toEqual({ name, named: thrown })
    }
  })
})
