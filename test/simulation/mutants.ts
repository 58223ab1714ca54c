import { registerHooks } from 'node:module'

/** A change of the product. `file`: the file below `src/`; `from` is replaced by `to`. */
type SourceChange = { file: string; from: string; to: string }

/** A fault that is planted into the product. */
export type Mutant = readonly SourceChange[]

/** Faults that the simulation must find. Each is one that a real change could make. */
export const mutants = {
  'a job ends whatever its status is': [
    {
      file: 'jobs/job-records.ts',
      from: '.where(hasStatus(...from))',
      to: '',
    },
  ],
  'a job starts with a data set that is deleted at that moment': [
    {
      file: 'storage/row-locks.ts',
      from: 'isPostgres(transaction) ? query.forKeyShare() : query',
      to: 'query',
    },
  ],
  'the status of a job is written once, or not at all': [
    {
      file: 'jobs/until-written.ts',
      from: 'if (closing.aborted) throw error',
      to: 'throw error',
    },
  ],
  'a repeated request does not look for the outcome of the first one': [
    {
      file: 'http/idempotency.ts',
      from: 'const isKept = found !== undefined && (',
      to: 'const isKept = found !== undefined && false && (',
    },
  ],
  'a removal does not look for additions of other servers': [
    {
      file: 'storage/cluster/shared-claims.ts',
      from: "['addition', 'removal']",
      to: "['removal']",
    },
  ],
  'an addition does not wait for the end of a removal': [
    {
      file: 'storage/cluster/shared-claims.ts',
      from: 'while (await isRemoved([...digests.keys()])) await delay(lookMilliseconds)',
      to: '',
    },
  ],
  'nobody frees the holds of a commit that got no answer': [
    {
      file: 'storage/cluster/server-holds.ts',
      from: 'if (error instanceof OutcomeUnknown) for',
      to: 'if (false) for',
    },
  ],
  'a removal frees its hold although its request may still arrive': [
    {
      file: 'storage/cluster/shared-claims.ts',
      from: 'if (late > 0) holds.releaseLater(removal, late)',
      to: 'if (false) holds.releaseLater(removal, late)',
    },
  ],
} as const satisfies Record<string, Mutant>

export type MutantName = keyof typeof mutants

/** Plants a fault into all modules that this thread loads from now on. @throws Error if the text to replace is not there exactly once */
export function plant(mutant: Mutant): void {
  registerHooks({
    load(loaded, context, next) {
      const found = next(loaded, context)
      const changes = mutant.filter(({ file }) => new URL(`../../src/${file}`, import.meta.url).href === loaded)
      if (changes.length === 0) return found
      let source = String(found.source)
      for (const { file, from, to } of changes) {
        if (source.split(from).length !== 2) throw new Error(`${file} does not hold "${from}" exactly once`)
        source = source.replace(from, to)
      }
      return { ...found, source }
    },
  })
}
