/** `hidden`: files and directories that an evaluator must not read. `processes`: ids of processes that it must not reach. */
export type ProbePlan = { hidden: string[]; processes: number[] }

/** Protections that held in a probe: see `Isolation`. `user`: number of its user. */
export type ProbeFindings = {
  fileSystem: boolean
  network: boolean
  processes: boolean
  systemCalls: boolean
  user?: number | undefined
}
