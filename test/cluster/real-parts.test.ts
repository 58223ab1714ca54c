import { expect, test } from 'vitest'
import { hasRealParts } from '../support/real-parts.ts'

/** Without the real parts, this is the only file of the tier. CI has them. */
const isSkipped = !hasRealParts() && !process.env['CI']

test.skipIf(isSkipped)(
  'PostgreSQL, pgbouncer and Ceph are installed (apt-get install postgresql pgbouncer radosgw ceph-mon ceph-osd)',
  () => {
    expect(hasRealParts()).toBe(true)
  },
)
