/** A completely received file that is not content yet. It is flushed to the disk, or its flush is in a flush queue. */
export type ReceivedFile = { path: string; sha256: string; bytes: number }
