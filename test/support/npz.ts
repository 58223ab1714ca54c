import { crc32 } from 'node:zlib'

export type NpyArray = { descr: string; shape: number[]; data: NodeJS.TypedArray }

/**
 * Returns an .npz as np.savez writes it: a zip of stored .npy entries
 * (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
 */
export function npz(arrays: Record<string, NpyArray>): Uint8Array<ArrayBuffer> {
  const locals: Buffer[] = []
  const centrals: Buffer[] = []
  let offset = 0
  for (const [name, array] of Object.entries(arrays)) {
    const content = npy(array)
    const filename = Buffer.from(`${name}.npy`)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt32LE(crc32(content), 10)
    fields.writeUInt32LE(content.byteLength, 14)
    fields.writeUInt32LE(content.byteLength, 18)
    fields.writeUInt16LE(filename.byteLength, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, filename, content])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(offset, 10)
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, tail, filename]))
    locals.push(local)
    offset += local.byteLength
  }
  const directory = Buffer.concat(centrals)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(centrals.length, 8)
  end.writeUInt16LE(centrals.length, 10)
  end.writeUInt32LE(directory.byteLength, 12)
  end.writeUInt32LE(offset, 16)
  return Uint8Array.from(Buffer.concat([...locals, directory, end]))
}

function npy({ descr, shape, data }: NpyArray): Buffer {
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`
  const header = Buffer.from(`${dict}${' '.repeat(63 - ((10 + dict.length) % 64))}\n`)
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1')
  start.writeUInt16LE(header.byteLength, 8)
  return Buffer.concat([start, header, Buffer.from(data.buffer, data.byteOffset, data.byteLength)])
}
