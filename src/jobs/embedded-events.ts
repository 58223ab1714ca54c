import { EventEmitter } from 'node:events'
import type { JobEvents } from './job-events.ts'

/** Returns the news of jobs inside this process, for a server that holds its data directory alone. */
export function embeddedEvents(): JobEvents {
  const changes = new EventEmitter().setMaxListeners(0)
  return {
    changed: id => void changes.emit(id),
    follow(id, signal) {
      let hasChanged = false
      let wake = () => {}
      const onChange = () => {
        hasChanged = true
        wake()
      }
      changes.on(id, onChange)
      signal.addEventListener('abort', onChange)
      return {
        async next(milliseconds) {
          if (!hasChanged && !signal.aborted) {
            const { promise, resolve } = Promise.withResolvers<void>()
            wake = resolve
            const timer = setTimeout(resolve, milliseconds)
            await promise
            clearTimeout(timer)
          }
          hasChanged = false
        },
        close() {
          changes.off(id, onChange)
          signal.removeEventListener('abort', onChange)
        },
      }
    },
  }
}
