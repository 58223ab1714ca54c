/** Kinds of calls that can fail: calls on files of the store, and statements that change the catalog. */
export const faultKinds = ['open', 'write', 'fsync', 'rename', 'unlink', 'mkdir', 'read', 'catalog'] as const

/** Ways to fail: with this error, or by doing only half of the work. */
export const faultModes = ['EIO', 'ENOSPC', 'short'] as const

export type Fault = { kind: (typeof faultKinds)[number]; at: number; mode: (typeof faultModes)[number] }

/** Arms a fault at the call with this number, counted from 1 from now on. 0: every call. A null kind: no call. */
export type FaultMessage = Omit<Fault, 'kind'> & { kind: Fault['kind'] | null }

/** Report of the fault that was armed before: calls of its kind, and the number of them that failed. */
export type FaultReport = { seen: number; fired: number }

/** Cells of the memory that the threads of a server share. */
export const cell = { kind: 0, at: 1, mode: 2, seen: 3, fired: 4 }
