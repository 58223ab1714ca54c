import { seededRandom } from '../support/random.ts'
import { damages } from './damage.ts'
import { type SeedModel, seedModels } from './seeds.ts'

/** A damaged model, and what was done to which. */
export type FuzzInput = { what: string; model: Buffer; data: ReadonlyMap<string, Buffer> }

const names = Object.keys(damages)
let seeds: SeedModel[] | undefined

/** The input with this index of a run with this seed: always the same one. */
export function fuzzInput(seed: number, index: number): FuzzInput {
  seeds ??= seedModels()
  const random = seededRandom(seed ^ Math.imul(index + 1, 0x9e3779b1))
  const { name, model, data } = random.pick(seeds)
  let bytes = model
  const done: string[] = []
  for (let count = random.integer(1, 3); count > 0 && bytes.byteLength > 1; count -= 1) {
    const damage = random.pick(names)
    bytes = damages[damage]?.(bytes, random) ?? bytes
    done.push(damage)
  }
  const damagedData = new Map(data)
  if (data.size > 0 && random.next() < 0.3) {
    const [location, content] = random.pick([...data])
    const length = random.integer(0, content.byteLength)
    const change = random.pick(['cut off', 'longer', 'gone'])
    if (change === 'gone') damagedData.delete(location)
    else
      damagedData.set(location, change === 'longer' ? Buffer.concat([content, content]) : content.subarray(0, length))
    done.push(`external data ${change}`)
  }
  return { what: `${name}: ${done.join('; ')}`, model: bytes, data: damagedData }
}
