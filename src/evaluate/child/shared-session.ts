import type ort from 'onnxruntime-node'
import type { OpenModel } from './run-evaluation.ts'

/** A session that stays open while the next model is the same one. */
export type SharedSession = {
  /**
   * Returns the way to open a model: the open session if that is of the same model, otherwise a new one.
   * @param key equal for equal models
   */
  of(key: string, open: OpenModel): OpenModel
  /** Seconds in which the open session was made. */
  readonly openingSeconds: number
  /** Leaves a session open for the next model. */
  keep(session: ort.InferenceSession): Promise<void>
  /** Releases the session. */
  end(): Promise<void>
}

/** Returns the place of one session. A model is made and opened once for all terms that follow each other. */
export function sharedSession(): SharedSession {
  let seconds = 0
  let held: { key: string; session: ort.InferenceSession } | undefined
  const end = async () => {
    const { session } = held ?? {}
    held = undefined
    await session?.release()
  }
  return {
    of: (key, open) => async opening => {
      if (held?.key === key) return held.session
      // Two models at a time would take twice the memory.
      await end()
      const begun = performance.now()
      const session = await open(opening)
      held = { key, session }
      seconds = (performance.now() - begun) / 1000
      return session
    },
    get openingSeconds() {
      return seconds
    },
    keep: async () => undefined,
    end,
  }
}
