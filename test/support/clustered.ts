import { inject } from 'vitest'

/** True in the tier `cluster`: servers inside the test's process have their catalog in PostgreSQL, and their content in S3. */
export function isClustered(): boolean {
  return inject('postgres') !== undefined
}
