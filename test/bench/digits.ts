import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { projectRoot } from '../support/server.ts'

/** Eight fine-tunes of one network and the data set that chooses among their soups. */
export type Digits = { directory: string; models: DigitsModel[]; validation: string }

export type DigitsModel = { name: string; bytes: Buffer<ArrayBuffer> }

/** The digits beside the project where they are there, those of the example otherwise: two networks of different cost. */
export function digitsDirectory(): string {
  const shared = join(projectRoot, '../shared/fixtures/digits')
  return existsSync(shared) ? shared : join(projectRoot, 'examples/digits')
}

export async function readDigits(directory: string): Promise<Digits> {
  const names = Array.from({ length: 8 }, (_, index) => `ft${index}`)
  const models = names.map(async name => ({ name, bytes: await readFile(join(directory, `${name}.onnx`)) }))
  return { directory, models: await Promise.all(models), validation: join(directory, 'val.npz') }
}

/** Every choice of at least one of the models, as bits: 1 is the first alone, 255 all eight. */
export function subsets(models: number): number[] {
  return Array.from({ length: 2 ** models - 1 }, (_, index) => index + 1)
}

export function membersOf<Model>(subset: number, models: readonly Model[]): Model[] {
  return models.filter((_, index) => subset & (1 << index))
}
