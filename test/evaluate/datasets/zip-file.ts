import { crc32, deflateRawSync } from 'node:zlib'

/** An entry of a zip file, and what its directory says of it where that is not the truth. */
export type Entry = {
  name: string
  data: Uint8Array
  deflate?: boolean
  /** Written as it is in place of the deflated data. */
  stored?: Uint8Array
  claims?: { bytes?: number; storedBytes?: number; crc32?: number; offset?: number; method?: number; flags?: number }
  /** Sizes and offset in a zip64 extra field of the directory, as for more than 4 GiB. */
  zip64?: boolean
}

const uint = (bytes: 2 | 4 | 8, value: number) => {
  const buffer = Buffer.alloc(bytes)
  if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value))
  else buffer.writeUIntLE(value % 2 ** (8 * bytes), 0, bytes)
  return buffer
}

/** A zip file, in which anything can be a lie. `entryCount`: what its end says. */
export function zipFile(
  entries: readonly Entry[],
  { entryCount = entries.length, zip64 = false } = {},
): Buffer<ArrayBuffer> {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const { name, data, deflate = false, stored, claims = {}, zip64: wide = false } of entries) {
    const payload = Buffer.from(stored ?? (deflate ? deflateRawSync(data) : data))
    const encoded = Buffer.from(name)
    const method = claims.method ?? (deflate ? 8 : 0)
    const flags = claims.flags ?? 0x800
    const crc = claims.crc32 ?? crc32(data)
    const bytes = claims.bytes ?? data.byteLength
    const storedBytes = claims.storedBytes ?? payload.byteLength
    const place = claims.offset ?? offset
    const common = [uint(2, 20), uint(2, flags), uint(2, method), uint(4, 0x21_0000), uint(4, crc)]
    const local = Buffer.concat([
      uint(4, 0x04034b50),
      ...common,
      uint(4, payload.byteLength),
      uint(4, data.byteLength),
      uint(2, encoded.byteLength),
      uint(2, 0),
      encoded,
    ])
    const extra = wide
      ? Buffer.concat([uint(2, 1), uint(2, 24), uint(8, bytes), uint(8, storedBytes), uint(8, place)])
      : Buffer.alloc(0)
    central.push(
      Buffer.concat([
        uint(4, 0x02014b50),
        uint(2, 45),
        ...common,
        ...(wide ? [uint(4, 0xffffffff), uint(4, 0xffffffff)] : [uint(4, storedBytes), uint(4, bytes)]),
        uint(2, encoded.byteLength),
        uint(2, extra.byteLength),
        Buffer.alloc(10),
        wide ? uint(4, 0xffffffff) : uint(4, place),
        encoded,
        extra,
      ]),
    )
    locals.push(local, payload)
    offset += local.byteLength + payload.byteLength
  }
  const directory = Buffer.concat(central)
  const end64 = Buffer.concat([
    uint(4, 0x06064b50),
    uint(8, 44),
    uint(4, 45),
    Buffer.alloc(8),
    uint(8, entryCount),
    uint(8, entryCount),
    uint(8, directory.byteLength),
    uint(8, offset),
    Buffer.concat([uint(4, 0x07064b50), uint(4, 0), uint(8, offset + directory.byteLength), uint(4, 1)]),
  ])
  const end = Buffer.concat([
    uint(4, 0x06054b50),
    uint(4, 0),
    uint(2, entryCount),
    uint(2, entryCount),
    uint(4, directory.byteLength),
    uint(4, offset),
    uint(2, 0),
  ])
  return Buffer.concat([...locals, directory, ...(zip64 ? [end64] : []), end])
}

/** An npy file with a header of any text. */
export function npyFile(header: string, data: Uint8Array, version = 1): Buffer<ArrayBuffer> {
  const text = Buffer.from(header, version === 3 ? 'utf8' : 'latin1')
  const start = Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Buffer.from([version, 0]),
    uint(version === 1 ? 2 : 4, text.byteLength),
  ])
  return Buffer.concat([start, text, data])
}

/** The npy file of an array, as NumPy writes it. */
export function npyOf(
  descr: string,
  shape: readonly (number | string)[],
  data: Uint8Array,
  fortran = false,
): Buffer<ArrayBuffer> {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  return npyFile(`{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${tuple}, }\n`, data)
}
