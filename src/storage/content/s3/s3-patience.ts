/**
 * How long this server waits for the S3 server, so that a frozen one is noticed within 30 seconds. `connect`: milliseconds to connect;
 * `answer`: those to an answer without a body of ours, which the SDK asks for three times; `silence`: those without a byte on a connection
 * that carries content, which is not tried again.
 * `deletionSeconds`: seconds in which the S3 server takes a deletion, by its own clock; `clockMilliseconds`: most milliseconds between the
 * clocks of its machines.
 */
export type S3Patience = {
  connect: number
  answer: number
  silence: number
  deletionSeconds: number
  clockMilliseconds: number
}

export const usualPatience: S3Patience = {
  connect: 5_000,
  answer: 8_000,
  silence: 25_000,
  deletionSeconds: 30,
  clockMilliseconds: 10_000,
}
