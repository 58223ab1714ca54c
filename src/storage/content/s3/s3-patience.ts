/** How long this server waits for the S3 server, so that a frozen one is noticed within some 30 seconds. */
export type S3Patience = {
  /** Milliseconds to connect. */
  connect: number
  /** Milliseconds until the answer to a request without content. The SDK tries three times. */
  answer: number
  /** Milliseconds without a byte on a connection that carries content, also to a client that pauses. Nothing is tried again then. */
  silence: number
  /** Seconds in which the S3 server takes a deletion, by its own clock. */
  deletionSeconds: number
  /** Most milliseconds between the clocks of its machines. */
  clockMilliseconds: number
}

export const usualPatience: S3Patience = {
  connect: 5_000,
  answer: 8_000,
  silence: 30_000,
  deletionSeconds: 30,
  clockMilliseconds: 10_000,
}
