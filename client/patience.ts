/** Gives up on a server that is silent. */
export type Patience = {
  /** Aborts when the server has been silent for too long. */
  signal: AbortSignal
  /** Says how much of an upload is sent. The first call starts the clock of an upload. */
  heard(progress: { sent: number; total: number | null }): void
  end(): void
}

/**
 * Starts to wait for an answer. A request without an upload gets one within `silenceSeconds`, and the seconds for which the server may hold
 * it back. An upload moves on within `silenceSeconds`. Once it is sent, the answer may take any time: the server may have much to do.
 *
 * @param heldSeconds undefined for an upload
 */
export function startPatience(silenceSeconds: number, heldSeconds: number | undefined): Patience {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const start = (seconds: number, what: string) => {
    clearTimeout(timer)
    timer = setTimeout(() => controller.abort(new Error(`${what} within ${seconds} seconds`)), seconds * 1000)
  }
  if (heldSeconds !== undefined) start(silenceSeconds + heldSeconds, 'no answer')
  return {
    signal: controller.signal,
    heard({ sent, total }) {
      if (heldSeconds !== undefined) return
      if (sent === total) clearTimeout(timer)
      else start(silenceSeconds, 'nothing of the body was taken')
    },
    end: () => clearTimeout(timer),
  }
}
