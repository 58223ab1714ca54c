/** The choice of the one server of a store that looks after it: that deletes expired records and content without a record. */
export type Election = {
  /** True if it is this server. */
  isElected(): boolean
  /** Waits until this server is elected, or `signal` fires. */
  untilElected(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** The election of a server that has its store alone. */
export const onlyServer: Election = {
  isElected: () => true,
  untilElected: async () => undefined,
  close: async () => undefined,
}
