import { candidatePlan } from '../../merge/candidate-plan.ts'
import type { LabelledFiles } from '../../merge/merge-input.ts'
import type { MergePlan } from '../../merge/merge-plan.ts'
import { planMemory } from '../../merge/plan-memory.ts'
import { planSource } from '../../merge/plan-source.ts'
import { prepare } from '../../merge/prepare.ts'
import { openReadAhead } from '../../storage/file-source.ts'
import { readPlan } from '../plan-file.ts'
import type { SoupSource, SoupToMake } from '../protocol.ts'
import type { ModelContent } from './model-content.ts'

/**
 * Makes a soup from the files of a search's models. Its content is valid until the next soup is made.
 * @throws TureenError naming the model that cannot be read, by its place among the inputs
 */
export type SoupMaker = (soup: SoupToMake, source: SoupSource) => ModelContent

/**
 * Returns a maker of soups, for one process and one search. It reads the models range by range: the system keeps files in memory that are
 * read often, once for all evaluators, and takes that memory back when it needs it. Plans and open files stay for the next soup.
 */
export function createSoupMaker(): SoupMaker {
  const memory = planMemory()
  const plans = new Map<number, MergePlan>()
  let opened: LabelledFiles[] | undefined
  let buffer = new Uint8Array(0)
  return ({ soup, base }, { inputs, plans: paths, settings }) => {
    opened ??= inputs.map(({ path, data }, place) => ({
      label: `input ${place + 1} of the search`,
      source: openReadAhead(path),
      data: new Map(data.map(each => [each.location, openReadAhead(each.path)])),
    }))
    const files = opened
    const whole = plans.get(base) ?? planAt(paths.get(base))
    plans.set(base, whole)
    const { plan } = prepare(candidatePlan(whole, soup, settings), files)
    const made = planSource(plan, files, memory)
    if (buffer.byteLength < made.byteLength) buffer = new Uint8Array(made.byteLength)
    const bytes = buffer.subarray(0, made.byteLength)
    made.read(0, bytes)
    return { bytes, data: made.data }
  }
}

function planAt(path: string | undefined): MergePlan {
  if (path === undefined) throw new RangeError('a soup without a plan')
  return readPlan(path)
}
