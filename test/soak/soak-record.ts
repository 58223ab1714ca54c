/** A model that was acknowledged, with what its files must be. `source`: the weight that it was uploaded with. */
export type KeptModel = { id: string; name: string; sha256: string; weight: number | null }

/** A job that was acknowledged, and how it must end. */
export type KeptJob = {
  id: string
  kind: string
  cancelled: boolean
  inputs: string[]
  settled: boolean
  /** Of a merge: the weights that its models were made with, and those that it gives them. */
  soup?: { value: number; weight: number }[]
}

/** What clients were told, kept beside the server and never read from it. */
export function soakRecord() {
  const models = new Map<string, KeptModel>()
  const jobs = new Map<string, KeptJob>()
  const counts = new Map<string, number>()
  const problems: string[] = []
  /** Names of uploads, and ids of models, about which a request went unanswered: either state is right. */
  const unsure = new Set<string>()
  /** Jobs that are there though the answer to their request was lost. */
  const strayJobs = new Set<string>()
  let datasetContent = ''
  let names = 0
  return {
    models,
    jobs,
    counts,
    problems,
    unsure,
    strayJobs,
    newName() {
      names += 1
      return `soak-${names}`
    },
    count: (what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1),
    problem(text: string) {
      if (problems.length < 50) problems.push(text)
    },
    keepDataset(sha256: string) {
      datasetContent = sha256
    },
    /** A request without an answer: the server's death, if it was killed; else a problem. */
    unanswered(killed: boolean, error: unknown) {
      if (killed) counts.set('requests cut off by a kill', (counts.get('requests cut off by a kill') ?? 0) + 1)
      else problems.push(`no answer: ${error instanceof Error ? `${error.message} ${error.cause ?? ''}` : error}`)
    },
    /** Digests of everything that was acknowledged and not deleted. */
    contents(): string[] {
      return [...new Set([datasetContent, ...[...models.values()].map(({ sha256 }) => sha256)])].sort()
    },
  }
}

export type SoakRecord = ReturnType<typeof soakRecord>
