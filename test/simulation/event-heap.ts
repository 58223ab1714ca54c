/** An event of a run. `at`: its virtual time in milliseconds; `order`: its number, which decides between events of the same time. */
export type ScheduledEvent = { at: number; order: number }

/** Events by time. */
export type EventHeap<Event extends ScheduledEvent> = {
  add(event: Event): void
  /** Removes the first event and returns it; undefined if there is none. */
  take(): Event | undefined
  size(): number
}

/** Returns an empty heap. */
export function eventHeap<Event extends ScheduledEvent>(): EventHeap<Event> {
  const events: Event[] = []
  const isBefore = (a: Event | undefined, b: Event | undefined) =>
    a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order))
  const swap = (a: number, b: number) => {
    const [first, second] = [events[a], events[b]]
    if (first !== undefined && second !== undefined) [events[a], events[b]] = [second, first]
  }
  return {
    size: () => events.length,
    add(event) {
      let place = events.push(event) - 1
      while (place > 0) {
        const parent = (place - 1) >> 1
        if (!isBefore(events[place], events[parent])) return
        swap(place, parent)
        place = parent
      }
    },
    take() {
      const [first] = events
      const last = events.pop()
      if (last === undefined || events.length === 0) return first
      events[0] = last
      for (let place = 0; ; ) {
        const [left, right] = [2 * place + 1, 2 * place + 2]
        const child = isBefore(events[right], events[left]) ? right : left
        if (!isBefore(events[child], events[place])) return first
        swap(place, child)
        place = child
      }
    },
  }
}
