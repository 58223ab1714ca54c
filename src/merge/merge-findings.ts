/** Facts that the author of a merge should know, found before any byte is computed. The report carries each under the same name. */
export type MergeFindings = {
  /** Sentences; each names the model or tensor that it is about. */
  warnings: string[]
}
