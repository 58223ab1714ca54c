import { move, transferableSymbol, valueSymbol } from 'piscina'

/** A message between threads that moves memory. */
export type Moved = ReturnType<typeof move>

/** Returns a task or a result as a message that moves some of its memory instead of copying it. The pool hands out the value alone. */
export function moved(value: object, memory: readonly ArrayBuffer[]): Moved {
  return move({ [transferableSymbol]: memory, [valueSymbol]: value })
}
