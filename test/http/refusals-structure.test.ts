import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProblemDocument } from '../../schemas/problem.ts'
import { expectNothingKept, json, postSoup, readProblem } from '../support/http-client.ts'
import { startApp } from '../support/server.ts'
import { structureDifferences } from '../support/structure-differences.ts'
import { variedModel } from '../support/varied-model.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

describe('a model that differs in one thing is refused, the place named', () => {
  const base = variedModel()

  // A Constant differs in a value, not in structure: the one code or the other.
  const codes = ['TUREEN_MODELS_DIFFER', 'TUREEN_NON_FLOAT_DIFFERS']
  test.each(structureDifferences)('%s', async (_, change, place) => {
    const response = await postSoup(app.url, [base, variedModel(change)])
    const problem = await json<ProblemDocument>(response.clone())
    await readProblem(response, 422, codes.includes(problem.code) ? problem.code : 'TUREEN_MODELS_DIFFER')
    for (const { model } of problem.errors) expect(model).toBe('model-1.onnx')
    const found = problem.errors.filter(error => error.tensor === place.tensor || error.node === place.node)
    expect(found.length).toBeGreaterThan(0)
    expect(problem.errors).toContainEqual(
      expect.objectContaining({
        ...(place.node ? { node: expect.stringContaining(place.node) } : {}),
        ...(place.tensor ? { tensor: place.tensor } : {}),
        message: expect.stringMatching(place.says ?? /\S/),
      }),
    )
    await expectNothingKept(app)
  })
})
