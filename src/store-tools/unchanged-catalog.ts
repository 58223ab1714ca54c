import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'

/** Opens a catalog for reading. If it has no log, SQLite creates no further file, so the catalog may be on a read-only file system. */
export function openUnchanged(path: string): DatabaseSync {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })
  return new DatabaseSync(log?.size ? path : `${pathToFileURL(path)}?immutable=1`, { readOnly: true })
}
