import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { MergeFindings } from '../merge/merge-findings.ts'
import type { ContentFiles } from '../storage/content-files.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import type { ResolvedSearch } from './resolve-search.ts'

/** The plans of a search, in files that its evaluators read: one for each model whose file soups are made from. */
export type SearchPlans = {
  /** Findings about the merge of all models. */
  findings: Promise<MergeFindings>
  /** Returns the path of the plan of a soup. The plan is made when its first soup needs it. */
  pathFor(soup: CandidateSoup): Promise<string>
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
  /** By the place of the base among the models. The first plan is also that of a base which all soups have. */
  const paths = new Map<number, Promise<string>>()
  // The size of a plan is not known before: some hundred bytes for each tensor.
  const planned = <Findings>(base: number, plan: (output: string) => Promise<Findings>) => {
    const made = contentFiles.makeOutput(0, async output => ({ output, findings: await plan(output) }))
    const path = made.then(({ output }) => output)
    // The soups that need the plan report the error.
    path.catch(() => undefined)
    paths.set(base, path)
    return { path, findings: made.then(({ findings }) => findings) }
  }
  const { findings } = planned(0, output => threads.planSearch({ inputs, settings, output }, signal))
  findings.catch(() => undefined)
  return {
    findings,
    pathFor({ members: [first = 0] }) {
      const base = inputs.base === null ? first : 0
      const known = paths.get(base)
      if (known) return known
      const other = planned(base, output => threads.planBase({ inputs, settings, base, output }, signal))
      other.findings.catch(() => undefined)
      return other.path
    },
    async close() {
      for (const path of await Promise.allSettled(paths.values()))
        if (path.status === 'fulfilled') await contentFiles.discard(path.value)
    },
  }
}
