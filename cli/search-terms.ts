import { UsageMistake } from './mistakes.ts'
import type { CommandScorer } from './score-candidates.ts'
import { commandScorerOf, scoresTests } from './score-search.ts'
import type { AskedData, GivenMetric } from './search-data.ts'
import type { Uploads } from './uploads.ts'

/** Options that say by what a search chooses. */
type TermOptions = {
  data?: readonly string[] | undefined
  test?: readonly string[] | undefined
  score?: string | undefined
  scoreWeight?: string | undefined
  scoreVersion?: string | undefined
  direction?: 'max' | 'min' | undefined
}

/** A term as a request has it, on a data set or by a command. `weight`: only in a list. */
type SentTerm = ({ dataset: string; metric: GivenMetric } | ReturnType<typeof commandScorerOf>) & { weight?: number }

/**
 * Checks that all terms of a search have test data, or none.
 * @throws UsageMistake
 */
export function requireTests({ data, test, score, scoreWeight }: TermOptions): void {
  if (data === undefined && scoreWeight !== undefined)
    throw new UsageMistake('--score-weight weighs the command against --data. Add --data, or leave --score-weight out.')
  if (score === undefined) return
  if (data === undefined && test !== undefined)
    throw new UsageMistake('--test belongs to --data. A command of --score takes its test data by {split}.')
  if (data === undefined || scoresTests(score) === (test !== undefined)) return
  throw new UsageMistake(
    test === undefined
      ? 'The command of --score has {split}, so it scores the result on test data too. Give each --data a --test as well, or leave {split} out.'
      : 'There is a --test for --data, so the command of --score needs test data as well. Write {split} where it says selection or test, or leave --test out.',
  )
}

/**
 * Returns `selection` and `test` of a search, once the data sets are where it works. Several terms, and a data set with a weight, make a list; the
 * command is the last term.
 * @param arrays arrays and batch size, the same for all data sets
 */
export async function selectionOf(
  {
    data,
    scoring,
    scoreWeight,
  }: { data: AskedData; scoring: CommandScorer | undefined; scoreWeight: number | undefined },
  arrays: object,
  options: TermOptions,
  uploads: Uploads,
) {
  const terms: SentTerm[] = []
  const tests: ({ dataset: string } | { external?: never })[] = []
  for (const { input, metric, weight, test } of data) {
    terms.push({ dataset: await uploads.dataset(input), metric, ...arrays, ...weighed(weight) })
    if (test) tests.push({ dataset: await uploads.dataset(test) })
  }
  if (scoring) {
    terms.push({ ...commandScorerOf(scoring.command, options), ...weighed(scoreWeight) })
    if (scoresTests(scoring.command)) tests.push({})
  }
  const [first, second] = terms
  const isList = first === undefined || second !== undefined || first.weight !== undefined
  const [test] = tests
  return {
    selection: isList ? terms : first,
    ...(test === undefined ? {} : { test: isList ? tests : test }),
  }
}

function weighed(weight: number | undefined): { weight?: number } {
  return weight === undefined ? {} : { weight }
}
