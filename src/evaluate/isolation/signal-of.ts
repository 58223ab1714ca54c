import { constants } from 'node:os'

/** Names of signals by number. Where a number has two names, the first one counts: SIGABRT, and not SIGIOT. */
const names = new Map(
  Object.entries(constants.signals)
    .map(([name, number]) => [number, name] as const)
    .reverse(),
)

/** Returns the name of a signal; null if the number is none of a signal. */
export function signalOf(number: number): NodeJS.Signals | null {
  const name = names.get(number) ?? ''
  return isSignal(name) ? name : null
}

function isSignal(name: string): name is NodeJS.Signals {
  return name in constants.signals
}
