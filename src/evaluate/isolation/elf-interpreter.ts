import { closeSync, openSync, readSync } from 'node:fs'

/** Type of the program header that names the loader (PT_INTERP). See elf(5) for all offsets. */
const interpreterType = 3
const headBytes = 4096

/**
 * Returns the path under which the kernel opens the loader of a 64-bit ELF program, such as /lib64/ld-linux-x86-64.so.2; undefined if
 * the program is linked statically, or is no such file.
 */
export function interpreterOf(program: string): string | undefined {
  const head = Buffer.alloc(headBytes)
  const file = openSync(program, 'r')
  try {
    readSync(file, head, 0, headBytes, 0)
  } finally {
    closeSync(file)
  }
  if (head.toString('latin1', 0, 5) !== '\x7fELF\x02') return undefined
  const start = Number(head.readBigUInt64LE(32))
  const size = head.readUInt16LE(54)
  const count = head.readUInt16LE(56)
  for (let index = 0; index < count; index += 1) {
    const header = start + index * size
    if (header + size > headBytes) break
    if (head.readUInt32LE(header) !== interpreterType) continue
    const place = Number(head.readBigUInt64LE(header + 8))
    const bytes = Number(head.readBigUInt64LE(header + 32))
    return head.toString('utf8', place, place + bytes - 1)
  }
  return undefined
}
