import { inflateRawSync } from 'node:zlib'

/** An array of NumPy: its shape, and its bytes in C order. */
export type NpyArray = { shape: number[]; data: Uint8Array<ArrayBuffer> }

/** Returns the arrays of an .npz of NumPy by name: a zip of .npy files, below 4 GB. */
export function readNpz(file: Buffer): Map<string, NpyArray> {
  const arrays = new Map<string, NpyArray>()
  const end = file.lastIndexOf('PK\x05\x06')
  let at = file.readUInt32LE(end + 16)
  for (let left = file.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map(field => file.readUInt16LE(at + field))
    const name = file.toString('utf8', at + 46, at + 46 + Number(nameLength))
    const local = file.readUInt32LE(at + 42)
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28)
    const packed = file.subarray(start, start + file.readUInt32LE(at + 20))
    arrays.set(name.replace(/\.npy$/, ''), readNpy(file.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed)))
    at += 46 + Number(nameLength) + Number(extraLength) + Number(commentLength)
  }
  return arrays
}

/** Reads version 1 of the format, in C order. */
function readNpy(file: Buffer): NpyArray {
  const start = 10 + file.readUInt16LE(8)
  const shape = /'shape': \(([\d, ]*)\)/.exec(file.toString('latin1', 10, start))?.[1] ?? ''
  return { shape: (shape.match(/\d+/g) ?? []).map(Number), data: Uint8Array.from(file.subarray(start)) }
}
