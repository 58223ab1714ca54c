import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { createProgressWatch, type ProgressLimits } from './progress-watch.ts'

/** Limits of the bodies that are read after their answer. */
export type DrainLimits = {
  /** Most milliseconds of one body. */
  milliseconds: number
  /** Most bytes of one body. */
  bytes: number
  /** Most large bodies at a time. */
  connections: number
  /** Milliseconds for which a further large body waits for its turn, and in which at least one byte must come. */
  patience: number
}

const drainLimits: DrainLimits = { milliseconds: 30_000, bytes: 2 ** 30, connections: 16, patience: 5_000 }

/** Most bytes of a body that is no large one. */
const smallBodyBytes = 1 << 20

/** True if the body of a request may have more than 1 MiB, by its headers. */
export function hasLargeBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > smallBodyBytes
}

/** Reads and drops bodies whose requests have been answered. */
export type BodyDrain = {
  /**
   * Reads the rest of a body, and resolves when it has ended or a limit is reached. Many clients read an answer only after they have sent
   * all; a server that closes the connection before resets it, and they never see the answer.
   */
  drain(request: IncomingMessage): Promise<void>
  /** Reads what comes on a connection whose last request was answered, and of which no parser makes a body. Resolves as `drain` does. */
  drainConnection(socket: Socket): Promise<void>
  /** Ends all drains in a short time, also those that begin later. */
  close(): void
}

/** @param progress the least rate of bodies, which also holds here */
export function createBodyDrain(progress: ProgressLimits, limits = drainLimits): BodyDrain {
  const { patience } = limits
  const watch = createProgressWatch(
    {
      bytesPerSecond: progress.bytesPerSecond,
      windowMilliseconds: Math.min(progress.windowMilliseconds, patience),
      idleMilliseconds: Math.min(progress.idleMilliseconds, patience),
    },
    { perWindow: 10 },
  )
  const places = createPlaces(limits)
  const drained = new WeakMap<IncomingMessage, Promise<void>>()
  const running = new Set<() => void>()
  let { milliseconds } = limits

  /** Waits until a stream of a connection has ended, or a limit is reached. `onBytes` calls its parameter as bytes come. */
  const untilEnd = async (stream: Readable, socket: Socket, onBytes: (look: () => void) => void): Promise<void> => {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    const before = socket.bytesRead
    const look = () => {
      if (socket.bytesRead - before > limits.bytes) end()
      return socket.bytesRead
    }
    const unwatch = watch.watch({ bytes: look, isWaiting: () => true, onSlow: () => end() })
    const timer = setTimeout(end, milliseconds).unref()
    stream.once('end', end).once('close', end)
    running.add(end)
    onBytes(look)
    await ended
    running.delete(end)
    clearTimeout(timer)
    unwatch()
  }
  const readRest = async (request: IncomingMessage): Promise<void> => {
    await untilEnd(request, request.socket, look => void request.on('data', look).resume())
    request.removeAllListeners('data')
  }
  const drainOne = async (request: IncomingMessage): Promise<void> => {
    if (isOver(request)) return
    // Whoever read the body, such as its digest, needs no more of it. A reader that waits for bytes would keep it from flowing.
    request.removeAllListeners('data').removeAllListeners('readable')
    const isLarge = hasLargeBody(request)
    // Its first bytes wait in a buffer of fixed size until it has a place.
    if (isLarge) request.pause()
    const place = isLarge ? await places.take(request) : undefined
    if ((place || !isLarge) && !isOver(request)) await readRest(request)
    place?.leave()
  }
  return {
    async drainConnection(socket) {
      const place = await places.take(socket)
      if (place && !socket.destroyed) await untilEnd(socket, socket, () => undefined)
      place?.leave()
    },
    drain(request) {
      const known = drained.get(request) ?? drainOne(request)
      drained.set(request, known)
      return known
    },
    close() {
      milliseconds = patience
      for (const end of running) setTimeout(end, patience).unref()
      watch.close()
    },
  }
}

function isOver({ complete, readableEnded, destroyed }: IncomingMessage): boolean {
  return destroyed || (complete && readableEnded)
}

type DrainPlace = { leave(): void }

/** Returns places for a number of bodies. One that finds none waits for `patience` milliseconds. */
function createPlaces({ connections, patience }: DrainLimits) {
  const waiting = new Set<(place: DrainPlace | undefined) => void>()
  let taken = 0
  const leave = () => {
    const [next] = waiting
    if (next) next({ leave })
    else taken -= 1
  }
  return {
    /** Resolves with a place, or with undefined if there is none in time or the client has gone. */
    async take(request: Readable): Promise<DrainPlace | undefined> {
      if (taken < connections) {
        taken += 1
        return { leave }
      }
      const { promise, resolve } = Promise.withResolvers<DrainPlace | undefined>()
      const give = (place: DrainPlace | undefined) => {
        waiting.delete(give)
        clearTimeout(timer)
        request.off('close', giveUp)
        resolve(place)
      }
      const giveUp = () => give(undefined)
      const timer = setTimeout(giveUp, patience).unref()
      request.once('close', giveUp)
      waiting.add(give)
      return promise
    },
  }
}
