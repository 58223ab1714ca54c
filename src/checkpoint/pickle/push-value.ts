import { malformedCheckpoint } from '../unreadable-checkpoint.ts'
import { requireKnownGlobal } from './globals.ts'
import { opcodes } from './opcodes.ts'
import type { PickleReader } from './pickle-reader.ts'
import type { PickleStack } from './pickle-stack.ts'
import type { PickleValue } from './values.ts'

const bytesValue: PickleValue = { kind: 'opaque', of: 'bytes' }
const longValue: PickleValue = { kind: 'opaque', of: 'int' }

/** Pushes the value of an operation that has only arguments. Returns false for another operation. */
export function pushValue(code: number, reader: PickleReader, stack: PickleStack): boolean {
  const text = (bytes: number, encoding: 'utf8' | 'latin1' = 'utf8') => stack.make(reader.text(bytes, encoding))
  const skipped = (bytes: number) => {
    reader.skip(bytes)
    stack.push(bytesValue)
  }
  switch (code) {
    case opcodes.PROTO:
      requireProtocol(reader.byte())
      break
    case opcodes.FRAME:
      reader.unsigned(8)
      break
    case opcodes.NONE:
      stack.push(null)
      break
    case opcodes.NEWTRUE:
      stack.push(true)
      break
    case opcodes.NEWFALSE:
      stack.push(false)
      break
    case opcodes.BININT:
      stack.push(reader.int32())
      break
    case opcodes.BININT1:
      stack.push(reader.byte())
      break
    case opcodes.BININT2:
      stack.push(reader.unsigned(2))
      break
    case opcodes.LONG1:
      stack.push(reader.long(reader.byte()) ?? longValue)
      break
    case opcodes.LONG4:
      stack.push(reader.long(reader.unsigned(4)) ?? longValue)
      break
    case opcodes.BINFLOAT:
      stack.push(reader.float())
      break
    case opcodes.BINSTRING:
      text(reader.unsigned(4), 'latin1')
      break
    case opcodes.SHORT_BINSTRING:
      text(reader.byte(), 'latin1')
      break
    case opcodes.SHORT_BINUNICODE:
      text(reader.byte())
      break
    case opcodes.BINUNICODE:
      text(reader.unsigned(4))
      break
    case opcodes.BINUNICODE8:
      text(reader.unsigned(8))
      break
    case opcodes.SHORT_BINBYTES:
      skipped(reader.byte())
      break
    case opcodes.BINBYTES:
      skipped(reader.unsigned(4))
      break
    case opcodes.BINBYTES8:
    case opcodes.BYTEARRAY8:
      skipped(reader.unsigned(8))
      break
    case opcodes.EMPTY_LIST:
      stack.make({ kind: 'list', items: [] })
      break
    case opcodes.EMPTY_TUPLE:
      stack.make({ kind: 'tuple', items: [] })
      break
    case opcodes.EMPTY_DICT:
      stack.make({ kind: 'dict', entries: new Map() })
      break
    case opcodes.EMPTY_SET:
      stack.make({ kind: 'opaque', of: 'set' })
      break
    case opcodes.GLOBAL:
      pushGlobal(`${reader.line()}.${reader.line()}`, stack)
      break
    default:
      return false
  }
  return true
}

function requireProtocol(protocol: number): void {
  if (protocol < 2 || protocol > 5) throw malformedCheckpoint(`has a pickle of protocol ${protocol}; 2 to 5 are read`)
}

/** Pushes a function or class by its name. @throws TureenError if a pickle may not name it */
export function pushGlobal(written: string, stack: PickleStack): void {
  // Python 2 has other names for two modules.
  const name = written.replace(/^__builtin__\./, 'builtins.').replace(/^copy_reg\./, 'copyreg.')
  requireKnownGlobal(name)
  stack.make({ kind: 'global', name })
}
