import { expect, test } from 'vitest'
import { unusable } from '../../src/storage/postgres/open-postgres.ts'

// The numbers are those of https://www.postgresql.org/docs/release/.
test.each([
  ['90624', '9.6.24', 'UTF8', 'it is PostgreSQL 9.6.24, and Tureen needs 13 or newer'],
  ['120022', '12.22', 'UTF8', 'it is PostgreSQL 12.22, and Tureen needs 13 or newer'],
  ['130000', '13.0', 'UTF8', undefined],
  ['180001', '18.1', 'UTF8', undefined],
  ['150019', '15.19', 'SQL_ASCII', expect.stringContaining('its encoding is SQL_ASCII')],
])(
  'a database of the version %s (%s) in %s is refused or not, with the reason',
  (number, version, encoding, reason) => {
    expect(unusable({ number, version, encoding })).toEqual(reason)
  },
)
