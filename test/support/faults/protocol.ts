/** Kinds of calls that can fail: calls on files of the store, and statements that change the catalog. */
export const faultKinds = ['open', 'write', 'fsync', 'rename', 'unlink', 'mkdir', 'read', 'catalog'] as const

/** Ways to fail: with this error, or by doing only half of the work. */
export const faultModes = ['EIO', 'ENOSPC', 'short'] as const

export type Fault = { kind: (typeof faultKinds)[number]; at: number; mode: (typeof faultModes)[number] }

/** Arms a fault at the call with this number, counted from 1 from now on. 0: every call. A null kind: no call. */
export type FaultMessage = Omit<Fault, 'kind'> & { kind: Fault['kind'] | null }

/** Number of calls of each kind. */
export type CallCounts = Record<Fault['kind'], number>

/** Report since the last message: all calls, and the number of them that the armed fault let fail. */
export type FaultReport = { seen: CallCounts; fired: number }

/** Cells of the memory that the threads of a server share. `seen`: the first of one cell for each kind. */
export const cell = { kind: 0, at: 1, mode: 2, fired: 3, seen: 4 }
