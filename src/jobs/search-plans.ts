import pLimit from 'p-limit'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { MergeFindings } from '../merge/merge-findings.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import type { ResolvedSearch } from './resolve-search.ts'

/** The plans of a search, in files that its evaluators read: one for each model whose file soups are made from. */
export type SearchPlans = {
  /** The plan of the merge of all models, and findings about it. */
  whole: Promise<{ path: string; findings: MergeFindings }>
  /** Paths of the plans so far, by the place of their base. */
  readonly paths: ReadonlyMap<number, string>
  /** Returns the place of a soup's base, once there is a plan for it. The plan is made when its first soup needs it. */
  baseOf(soup: CandidateSoup): Promise<number>
  /** Removes the files, after all work on them has ended. */
  close(): Promise<void>
}

/** Starts to plan the merge of all models. @param signal ends the work; it fires before the plans are closed */
export function searchPlans(
  { inputs, settings }: Pick<ResolvedSearch, 'inputs' | 'settings'>,
  threads: Pick<ThreadPool, 'planSearch' | 'planBase'>,
  contentFiles: Pick<ContentFiles, 'makeOutput' | 'discard'>,
  signal: AbortSignal,
): SearchPlans {
  const paths = new Map<number, string>()
  /** By the place of the base. The first plan is also that of a base which all soups have. */
  const planned = new Map<number, Promise<unknown>>()
  // One after the other: a plan takes milliseconds, and another thread would take longer to start.
  const oneAtATime = pLimit(1)
  const plan = <Findings>(base: number, make: (output: string) => Promise<Findings>) => {
    // The size of a plan is not known before: some hundred bytes for each tensor.
    const made = oneAtATime(() =>
      contentFiles.makeOutput(0, async output => {
        const findings = await make(output)
        paths.set(base, output)
        return { path: output, findings }
      }),
    )
    // The soups that need the plan report the error.
    made.catch(() => undefined)
    planned.set(base, made)
    return made
  }
  return {
    paths,
    whole: plan(0, output => threads.planSearch({ inputs, settings, output }, signal)),
    async baseOf({ members: [first = 0] }) {
      const base = inputs.base === null ? first : 0
      await (planned.get(base) ?? plan(base, output => threads.planBase({ inputs, settings, base, output }, signal)))
      return base
    },
    async close() {
      await Promise.allSettled(planned.values())
      for (const path of paths.values()) await contentFiles.discard(path)
    },
  }
}
