import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian keeps the programs of each version in a folder of its own. */
const versions = '/usr/lib/postgresql'

const pgbouncer = '/usr/sbin/pgbouncer'

/** The program pgbouncer; undefined if it is not installed. */
export function pgbouncerProgram(): string | undefined {
  return existsSync(pgbouncer) ? pgbouncer : undefined
}

/** True if all programs are installed that the tier `cluster` needs. */
export function hasRealParts(): boolean {
  return postgresPrograms() !== undefined && pgbouncerProgram() !== undefined && hasCeph()
}

/** True if Ceph is installed, whose gateway is the S3 server of the tests. */
function hasCeph(): boolean {
  const programs = ['ceph', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin']
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return programs.every(program => folders.some(folder => existsSync(join(folder, program))))
}

/** The folder of PostgreSQL's programs; undefined if it is not installed. */
export function postgresPrograms(): string | undefined {
  if (!existsSync(versions)) return undefined
  const folders = readdirSync(versions).map(version => join(versions, version, 'bin'))
  return folders.find(folder => existsSync(join(folder, 'initdb')))
}
