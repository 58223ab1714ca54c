import { checkpointLimits } from '../checkpoint-limits.ts'
import { checkpointTooLarge, malformedCheckpoint, unsupportedCheckpoint } from '../unreadable-checkpoint.ts'
import { callGlobal } from './globals.ts'
import { opcodes, refusedOpcodes } from './opcodes.ts'
import { type PickleReader, pickleReader, requireShortPickle } from './pickle-reader.ts'
import { type PickleStack, pickleStack } from './pickle-stack.ts'
import { pushGlobal, pushValue } from './push-value.ts'
import { storageType } from './torch-types.ts'
import { ofKind, type PickleValue, type TorchStorage, typeOf } from './values.ts'

/**
 * Reads a pickle as data, without executing anything: operations that build values are followed, functions and classes are names. Those that
 * rebuild tensors stand for the tensors, a few others for values that nobody reads, and all others are refused by name.
 *
 * Time and memory are linear in the bytes of the pickle, and within {@link checkpointLimits}.
 * @throws TureenError `TUREEN_CHECKPOINT_MALFORMED`, `TUREEN_CHECKPOINT_UNSUPPORTED`, `TUREEN_MODEL_LIMIT`
 */
export function readPickle(bytes: Uint8Array): PickleValue {
  requireShortPickle(bytes.byteLength)
  const reader = pickleReader(bytes)
  const stack = pickleStack()
  const memo = new Map<number, PickleValue>()
  for (let operations = 0; operations < checkpointLimits.pickleOperations; operations += 1) {
    const code = reader.byte()
    if (code === opcodes.STOP) return stack.pop()
    if (!(pushValue(code, reader, stack) || useMemo(code, reader, stack, memo) || combine(code, reader, stack)))
      throw unknownOperation(code, reader.at - 1)
  }
  throw checkpointTooLarge('pickleOperations', 'operations in its pickle')
}

/** Runs an operation of the memo. Returns false for another operation. */
function useMemo(code: number, reader: PickleReader, stack: PickleStack, memo: Map<number, PickleValue>): boolean {
  const put = (index: number) => {
    if (memo.size >= checkpointLimits.pickleMemo && !memo.has(index))
      throw checkpointTooLarge('pickleMemo', 'remembered values in its pickle')
    memo.set(index, stack.top())
  }
  const get = (index: number) => {
    const value = memo.get(index)
    if (value === undefined) throw malformedCheckpoint(`refers to the value ${index} of its pickle, which is not there`)
    stack.push(value)
  }
  switch (code) {
    case opcodes.BINPUT:
      put(reader.byte())
      break
    case opcodes.LONG_BINPUT:
      put(reader.unsigned(4))
      break
    case opcodes.MEMOIZE:
      put(memo.size)
      break
    case opcodes.BINGET:
      get(reader.byte())
      break
    case opcodes.LONG_BINGET:
      get(reader.unsigned(4))
      break
    default:
      return false
  }
  return true
}

/** Runs an operation on values of the stack. Returns false for another operation. */
function combine(code: number, reader: PickleReader, stack: PickleStack): boolean {
  switch (code) {
    case opcodes.MARK:
      stack.mark()
      break
    case opcodes.POP:
      stack.drop()
      break
    case opcodes.POP_MARK:
      stack.popToMark()
      break
    case opcodes.DUP:
      stack.push(stack.top())
      break
    case opcodes.TUPLE:
      stack.make({ kind: 'tuple', items: stack.popToMark() })
      break
    case opcodes.TUPLE1:
    case opcodes.TUPLE2:
    case opcodes.TUPLE3:
      stack.make({ kind: 'tuple', items: stack.popSome(code - opcodes.TUPLE1 + 1) })
      break
    case opcodes.APPEND:
      append(stack.popSome(1), stack.top())
      break
    case opcodes.APPENDS:
      append(stack.popToMark(), stack.top())
      break
    case opcodes.SETITEM:
      setItems(stack.popSome(2), stack.top())
      break
    case opcodes.SETITEMS:
      setItems(stack.popToMark(), stack.top())
      break
    case opcodes.ADDITEMS:
      stack.popToMark()
      requireOpaque(stack.top(), 'adds to')
      break
    case opcodes.FROZENSET:
      stack.popToMark()
      stack.make({ kind: 'opaque', of: 'frozenset' })
      break
    case opcodes.STACK_GLOBAL: {
      const [module, name] = stack.popSome(2)
      if (typeof module !== 'string' || typeof name !== 'string')
        throw malformedCheckpoint(`has a class without a name at byte ${reader.at} of its pickle`)
      pushGlobal(`${module}.${name}`, stack)
      break
    }
    case opcodes.REDUCE:
    case opcodes.NEWOBJ:
      call(stack)
      break
    case opcodes.BUILD: {
      stack.pop()
      // The attributes of a dict, such as the versions of a state dict, say nothing about its tensors.
      if (!ofKind(stack.top(), 'dict')) requireOpaque(stack.top(), 'sets attributes of')
      break
    }
    case opcodes.BINPERSID:
      stack.make(storageOf(stack.pop()))
      break
    default:
      return false
  }
  return true
}

function call(stack: PickleStack): void {
  const [callee, args] = stack.popSome(2)
  const [global, tuple] = [ofKind(callee, 'global'), ofKind(args, 'tuple')]
  if (!global || !tuple) throw malformedCheckpoint(`calls ${typeOf(callee ?? null)} in its pickle`)
  stack.make(callGlobal(global.name, tuple.items))
}

function append(items: readonly PickleValue[], target: PickleValue): void {
  const list = ofKind(target, 'list')
  if (!list) requireOpaque(target, 'appends to')
  else for (const item of items) list.items.push(item)
}

function setItems(items: readonly PickleValue[], target: PickleValue): void {
  if (items.length % 2 !== 0) throw malformedCheckpoint('sets a key without a value in its pickle')
  const dict = ofKind(target, 'dict')
  if (!dict) {
    requireOpaque(target, 'sets items of')
    return
  }
  for (let index = 0; index < items.length; index += 2) dict.entries.set(items[index] ?? null, items[index + 1] ?? null)
}

/** Values that are left out may be filled, which changes nothing. */
function requireOpaque(target: PickleValue, what: string): void {
  if (!ofKind(target, 'opaque')) throw malformedCheckpoint(`${what} ${typeOf(target)} in its pickle`)
}

/** Returns the storage that a persistent id names: ("storage", class, key, device, number of elements). */
function storageOf(id: PickleValue): TorchStorage {
  const [tag, type, key, , elements] = ofKind(id, 'tuple')?.items ?? []
  const dataType = storageType(ofKind(type, 'global')?.name ?? '')
  const isCount = typeof elements === 'number' && Number.isSafeInteger(elements) && elements >= 0
  if (tag !== 'storage' || dataType === undefined || typeof key !== 'string' || !isCount)
    throw malformedCheckpoint('refers to something that is no storage of a tensor in its pickle')
  return { kind: 'storage', key, dataType, elements }
}

function unknownOperation(code: number, at: number) {
  const name = refusedOpcodes.get(code)
  if (name === undefined) return malformedCheckpoint(`has the unknown operation ${code} at byte ${at} of its pickle`)
  return unsupportedCheckpoint(
    `has the operation ${name} at byte ${at} of its pickle, which torch.save does not write`,
    'Save it with torch.save of PyTorch 1.6 or newer.',
    { actual: name },
  )
}
