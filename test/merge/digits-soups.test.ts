import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { projectRoot } from '../support/server.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'
import { soupOfFiles } from '../support/soup.ts'

type Soup = { weights: [index: number, weight: number][]; tensors: Record<string, string> }

function soupsIn(directory: string): Map<string, Soup> {
  const expected: Record<string, unknown> = JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8'))
  const isSoup = (value: unknown): value is Soup => Object.hasOwn(Object(value), 'tensors')
  return new Map(Object.entries(expected).flatMap(([name, value]) => (isSoup(value) ? [[name, value] as const] : [])))
}

/** Each tensor of the soup against the digest of NumPy's. */
function expectSoups(directory: string): void {
  for (const [name, { weights, tensors }] of soupsIn(directory)) {
    const { content } = soupOfFiles(
      weights.map(([index, weight]) => ({ bytes: readFileSync(join(directory, `ft${index}.onnx`)), weight })),
    )
    const digests = Object.keys(tensors).map(tensor => [
      tensor,
      createHash('sha256').update(initializerBytes(content, tensor)).digest('hex'),
    ])
    expect(Object.fromEntries(digests), name).toEqual(tensors)
  }
}

describe('the fine-tunes of examples/digits', () => {
  const directory = join(projectRoot, 'examples/digits')
  test('have the soups that NumPy makes of them', () => {
    expect([...soupsIn(directory).keys()]).toEqual(['uniform', 'two_three'])
    expectSoups(directory)
  })
})

describeShared('the shared digits fine-tunes', () => {
  const directory = join(sharedDirectory, 'fixtures/digits')
  test('have the four soups that NumPy makes of them', () => {
    expect(soupsIn(directory).size).toBe(4)
    expectSoups(directory)
  })
})
