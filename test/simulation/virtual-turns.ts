import { registerHooks } from 'node:module'

/** Stands for `src/own-turn.ts`: each simulated process has an event loop of its own, and no connection arrives in it. */
const turns = `
export const connectionArrived = () => undefined
export const ownTurn = () => new Promise(resolve => setImmediate(resolve))
export const shortTurn = async () => undefined`

/**
 * Replaces the turns of the event loop in all modules that this thread loads from now on. The product keeps a list of those that wait: with
 * it, a process that is killed would stop the others.
 */
export function installVirtualTurns(): void {
  const replaced = new URL('../../src/own-turn.ts', import.meta.url).href
  registerHooks({
    load: (loaded, context, next) =>
      loaded === replaced ? { format: 'module', source: turns, shortCircuit: true } : next(loaded, context),
  })
}
