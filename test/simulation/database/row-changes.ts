/** A value of a row; undefined if it is unknown, because a statement left it as it was. */
export type ChangedValue = string | number | bigint | Uint8Array | null | undefined

/** A changed row. The values are in the order of the columns. `key`: the values of the primary key. */
export type RowChange = {
  table: string
  kind: 'insert' | 'update' | 'delete'
  key: ChangedValue[]
  before: ChangedValue[]
  after: ChangedValue[]
}

const kinds = new Map<number, RowChange['kind']>([
  [18, 'insert'],
  [23, 'update'],
  [9, 'delete'],
])

/** Returns the rows that a changeset of SQLite changes: https://www.sqlite.org/session/c_changeset_inconv.html and sqlite3session.c. */
export function rowChanges(changeset: Uint8Array): RowChange[] {
  const bytes = Buffer.from(changeset.buffer, changeset.byteOffset, changeset.byteLength)
  const changes: RowChange[] = []
  let place = 0
  const byte = () => bytes.readUInt8(place++)
  const variableInteger = () => {
    let value = 0
    for (;;) {
      const next = byte()
      value = value * 128 + (next & 127)
      if (next < 128) return value
    }
  }
  const slice = (length: number) => {
    place += length
    return bytes.subarray(place - length, place)
  }
  const value = (): ChangedValue => {
    switch (byte()) {
      case 0:
        return undefined
      case 1: {
        const integer = slice(8).readBigInt64BE()
        return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer
      }
      case 2:
        return slice(8).readDoubleBE()
      case 3:
        return slice(variableInteger()).toString()
      case 4:
        return slice(variableInteger())
      default:
        return null
    }
  }
  let table = ''
  let keyFlags: number[] = []
  const record = () => keyFlags.map(value)
  while (place < bytes.length) {
    const kind = byte()
    if (kind === 'T'.charCodeAt(0)) {
      keyFlags = [...slice(variableInteger())]
      const end = bytes.indexOf(0, place)
      table = slice(end - place).toString()
      place += 1
      continue
    }
    // Whether a trigger made the change.
    place += 1
    const change = kinds.get(kind)
    if (!change) throw new RangeError(`a changeset has the kind of change ${kind}`)
    const before = change === 'insert' ? [] : record()
    const after = change === 'delete' ? [] : record()
    const key = (change === 'insert' ? after : before).filter((_, column) => keyFlags[column])
    changes.push({ table, kind: change, key, before, after })
  }
  return changes
}
