import { availableParallelism } from 'node:os'
import { articleLoop } from './article-loop.ts'
import { bareInference } from './bare-inference-processes.ts'
import { type Digits, digitsDirectory, readDigits, subsets } from './digits.ts'
import type { Absent, Bench, Comparison, Contestant, Timing } from './harness.ts'
import { largeCandidate } from './large-candidate.ts'
import { searchOverHttp } from './search-over-http.ts'

/** Seconds, and the accuracy of every subset of the models, from subset 1 on. */
export type SearchTiming = Timing & { accuracies: number[] }

export type SearchContestant = Omit<Contestant, 'run'> & { search(): Promise<SearchTiming> }

const what = 'exhaustive search over eight digits models: 255 soups on 500 samples each'

/** Models of a shorter search: 63 soups. What the longer one takes beyond it is the cost of 192 further candidates. */
const fewer = 6

/** An exhaustive search over HTTP, beside what it cannot do without, and beside the loop that people write. */
export const searchBench: Bench = {
  name: 'search',
  async open(workspace, signal) {
    const directory = digitsDirectory()
    const digits = await readDigits(directory)
    const processors = availableParallelism()
    const accuracies = new Map<string, number[]>()
    const remembering = ({ search, ...contestant }: SearchContestant): Contestant => ({
      ...contestant,
      async run() {
        const { accuracies: found, ...timing } = await search()
        accuracies.set(contestant.name, found)
        return timing
      },
    })
    const ours = remembering(searchOverHttp(digits, workspace, signal))
    const comparisons: Comparison[] = [
      {
        row: 'search/bare-inference',
        what,
        ours,
        baseline: () => remembering(bareInference(directory, 1, signal)),
        target: 1,
      },
      {
        row: 'search/bare-inference-parallel',
        what,
        ours,
        baseline: (): Contestant | Absent =>
          processors === 1
            ? { name: 'bare inference', skipped: 'this machine has one processor: see the row above' }
            : remembering(bareInference(directory, processors, signal)),
        target: 2,
      },
      {
        row: 'search/further-candidate',
        what: 'each further candidate: the difference between searches over six and eight digits models, by 192',
        ours: furtherCandidate(digits, workspace, signal),
        baseline: (): Contestant => {
          const { search, ...bare } = bareInference(directory, processors, signal)
          return {
            ...bare,
            run: async () => ({ seconds: (await search()).seconds / subsets(digits.models.length).length }),
          }
        },
        target: 1.25,
      },
      largeCandidate(workspace, signal),
      {
        row: 'search/article-loop',
        what,
        ours,
        async baseline() {
          const loop = await articleLoop(digits, workspace, signal)
          return 'skipped' in loop ? loop : remembering(loop)
        },
      },
    ]
    return {
      about: [`search: models and samples of ${directory}`],
      comparisons,
      findings: () => agreement(accuracies, ours.name),
    }
  },
}

/** Two searches, one after the other, by servers that have just started. */
function furtherCandidate(digits: Digits, workspace: string, signal: AbortSignal): Contestant {
  const all = searchOverHttp(digits, workspace, signal)
  const few = searchOverHttp({ ...digits, models: digits.models.slice(0, fewer) }, workspace, signal)
  return {
    name: all.name,
    description: all.description,
    async run() {
      const seconds = (await all.search()).seconds - (await few.search()).seconds
      return { seconds: seconds / (subsets(digits.models.length).length - subsets(fewer).length) }
    },
  }
}

/** Whether all came to the same accuracies: a baseline that does other work is none. */
function agreement(accuracies: ReadonlyMap<string, number[]>, ours: string): string[] {
  const expected = accuracies.get(ours) ?? []
  if (expected.length === 0) return []
  const differences = [...accuracies].flatMap(([name, found]) =>
    expected.flatMap((value, index) => {
      const other = found[index] ?? Number.NaN
      return Math.abs(value - other) < 1e-9
        ? []
        : [`search: subset ${index + 1} has ${value} in ${ours}, ${other} in ${name}`]
    }),
  )
  if (differences.length > 0) return [`search: ${differences.length} accuracies differ`, ...differences.slice(0, 10)]
  return [`search: the ${expected.length} accuracies of all sides are equal (${[...accuracies.keys()].join('; ')})`]
}
