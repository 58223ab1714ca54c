import type { TureenError } from '../../errors.ts'
import type { NpzArray } from './npz-arrays.ts'
import { unsupportedDataset } from './refusals.ts'
import { elementBytes } from './shard-array.ts'
import type { UnusableArray } from './zip-directory.ts'

/**
 * Refuses arrays in Fortran order that do not fit into memory together. Only in memory can they be reordered to row-major order.
 * @throws TureenError `TUREEN_DATASET_UNSUPPORTED`
 */
export function refuseLargeFortran(arrays: readonly NpzArray[], memoryBytes: number): void {
  let bytes = 0
  for (const array of arrays) {
    bytes += fortranBytes(array)
    if (bytes > memoryBytes) throw largeFortran(array.name, bytes, memoryBytes)
  }
}

/** Returns the arrays in Fortran order that do not fit into memory even alone. */
export function unusableFortran(arrays: readonly NpzArray[], memoryBytes: number): UnusableArray[] {
  return arrays
    .map(array => ({ name: array.name, bytes: fortranBytes(array) }))
    .filter(({ bytes }) => bytes > memoryBytes)
    .map(({ name, bytes }) => ({ name, refusal: largeFortran(name, bytes, memoryBytes) }))
}

function fortranBytes({ shards }: NpzArray): number {
  return shards.reduce((most, shard) => (shard.header.fortranOrder ? Math.max(most, elementBytes(shard)) : most), 0)
}

function largeFortran(name: string, bytes: number, memoryBytes: number): TureenError {
  return unsupportedDataset(
    `The array ${name} is in Fortran order. Arrays that are take ${bytes} bytes up to here; more than ${memoryBytes} are not reordered. Save it with np.ascontiguousarray(${name}).`,
    { tensor: name, expected: `${memoryBytes} bytes at most`, actual: `${bytes} bytes` },
  )
}
