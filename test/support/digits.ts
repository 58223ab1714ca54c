import { digits } from './http-client.ts'
import { projectFile } from './server.ts'

/** The SHA-256 of every tensor that NumPy makes of the fine-tunes (`examples/digits/train.py`). */
export type ExpectedDigits = Record<'uniform' | 'two_three', { tensors: Record<string, string> }>

/** Reads the eight fine-tunes of examples/digits, and what NumPy makes of them. */
export async function readDigits(): Promise<{ files: Buffer<ArrayBuffer>[]; expected: ExpectedDigits }> {
  const files = await Promise.all(digits(0, 1, 2, 3, 4, 5, 6, 7).map(projectFile))
  return { files, expected: JSON.parse(String(await projectFile('examples/digits/expected.json'))) }
}
