/** Calls that can be made to fail: those on files of the store, and statements of the catalog that change it. */
export const faultKinds = ['open', 'write', 'fsync', 'rename', 'unlink', 'mkdir', 'read', 'catalog'] as const

/** How: with this error, or by doing half of what was asked. */
export const faultModes = ['EIO', 'ENOSPC', 'short'] as const

export type Fault = { kind: (typeof faultKinds)[number]; at: number; mode: (typeof faultModes)[number] }

/** Arms a fault at the call with this number, counted from 1 and from now on; 0 means every one, a null kind none. */
export type FaultMessage = Omit<Fault, 'kind'> & { kind: Fault['kind'] | null }

/** Of the fault that was armed before: calls of its kind, and how many of them failed. */
export type FaultReport = { seen: number; fired: number }

/** Cells of the memory that the threads of a server share. */
export const cell = { kind: 0, at: 1, mode: 2, seen: 3, fired: 4 }
