import type { HeavyModel } from '../support/heavy-model.ts'

/** A model whose upload was acknowledged, with the bytes that it must have. */
export type UploadedModel = { id: string; name: string; sha256: string; source: HeavyModel }

/** A job whose start was acknowledged. `soup`: the digest of the soup that it must make; undefined if it makes none. */
export type StartedJob = {
  id: string
  kind: 'merge' | 'search' | 'evaluation'
  name: string
  soup: string | undefined
  /** True once a cancel was acknowledged. */
  isCancelled: boolean
}

/** What clients were told, kept outside of the cluster. */
export function chaosLedger() {
  const counts = new Map<string, number>()
  const problems: string[] = []
  return {
    uploads: new Map<string, UploadedModel>(),
    /** Models whose deletion was acknowledged. */
    deleted: new Set<string>(),
    /** Models that a request uses now. Nobody may delete them. */
    inUse: new Map<string, number>(),
    jobs: new Map<string, StartedJob>(),
    problems,
    counts,
    count: (what: string, times = 1) => void counts.set(what, (counts.get(what) ?? 0) + times),
    problem(text: string) {
      if (problems.length < 50) problems.push(text)
    },
  }
}

export type ChaosLedger = ReturnType<typeof chaosLedger>
