import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import timersPromises from 'node:timers/promises'
import { seededRandom } from '../support/random.ts'
import type { VirtualTime } from './virtual-time.ts'

/** Time at which each run begins, in milliseconds since 1970. */
export const beginning = Date.UTC(2030, 0, 1)

/** Milliseconds until the next turn of a simulated event loop. */
const turn = 0.001

/** Calls back in the real next turn of the event loop, when all promises of this turn are settled. */
export const nextRealTurn = setImmediate

let time: VirtualTime | undefined

/** Gives the clocks, timers and random numbers of this thread to a run. */
export function giveGlobalsTo(run: VirtualTime): void {
  time = run
}

function running(): VirtualTime {
  if (!time) throw new Error('no simulation runs')
  return time
}

/** Returns milliseconds since the beginning of the run. Modules may ask while they are loaded, before any run. */
function elapsed(): number {
  return time?.now() ?? 0
}

/** Returns milliseconds since 1970, as the clock of the running process shows them. */
function wallClock(): number {
  return Math.floor(beginning + elapsed() + (time?.actor()?.skew ?? 0))
}

/** A timer of a simulated process. */
class VirtualTimer {
  cancel: () => void

  constructor(milliseconds: number, run: () => void) {
    const { after, actor } = running()
    this.cancel = after(milliseconds, actor(), run)
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}

const cancelTimer = (timer: unknown) => {
  if (timer instanceof VirtualTimer) timer.cancel()
}

function repeatedly(run: () => void, milliseconds: number): { unref(): unknown; ref(): unknown } {
  const { after, actor } = running()
  const again = () => {
    timer.cancel = after(milliseconds, actor(), () => {
      again()
      run()
    })
  }
  const timer = new VirtualTimer(milliseconds, () => undefined)
  timer.cancel()
  again()
  return timer
}

/** Waits as `node:timers/promises` does. */
function wait<Value>(milliseconds: number, value: Value, signal: AbortSignal | undefined): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      timer.cancel()
      reject(new DOMException('The operation was aborted', 'AbortError'))
    }
    const timer = new VirtualTimer(milliseconds, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve(value)
    })
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/**
 * Replaces the clocks, timers and random numbers of this thread by those of the run that has them: see {@link giveGlobalsTo}. Call it once,
 * before the thread loads the product.
 */
export function installVirtualGlobals(): void {
  const RealDate = Date
  class VirtualDate extends RealDate {
    constructor(given?: number | string | Date) {
      super(given ?? wallClock())
    }

    static override now(): number {
      return wallClock()
    }
  }
  const least = (milliseconds: number | undefined) => Math.max(1, milliseconds ?? 1)
  const bytes = seededRandom(1)
  const randomBytesInto = <Buffer extends ArrayBufferView | null>(view: Buffer): Buffer => {
    const into = view && new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    into?.forEach((_, place) => {
      into[place] = bytes.integer(0, 255)
    })
    return view
  }
  Object.assign(globalThis, {
    Date: VirtualDate,
    setTimeout: (run: (...given: unknown[]) => void, milliseconds?: number, ...given: unknown[]) =>
      new VirtualTimer(least(milliseconds), () => run(...given)),
    setImmediate: (run: (...given: unknown[]) => void, ...given: unknown[]) =>
      new VirtualTimer(turn, () => run(...given)),
    clearTimeout: cancelTimer,
    clearImmediate: cancelTimer,
    setInterval: repeatedly,
    clearInterval: cancelTimer,
  })
  Object.assign(performance, { now: elapsed })
  Object.assign(Math, { random: () => running().random.next() })
  Object.assign(globalThis.crypto, { getRandomValues: randomBytesInto })
  Object.assign(crypto, {
    randomInt: (most: number) => bytes.integer(0, most - 1),
    randomUUID: () => randomBytesInto(Buffer.alloc(16)).toString('hex'),
  })
  Object.assign(timersPromises, {
    setTimeout: <Value>(milliseconds?: number, value?: Value, options?: { signal?: AbortSignal }) =>
      wait(least(milliseconds), value, options?.signal),
    setImmediate: <Value>(value?: Value, options?: { signal?: AbortSignal }) => wait(turn, value, options?.signal),
  })
  syncBuiltinESMExports()
}
