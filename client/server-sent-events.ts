/** An event of a text/event-stream. */
export type StreamedEvent = { id: string; event: string; data: string }

/**
 * Returns a function that takes pieces of a text/event-stream (https://html.spec.whatwg.org/multipage/server-sent-events.html) and returns
 * the events that each piece completes. Comments are left out.
 */
export function eventParser(): (bytes: Uint8Array) => StreamedEvent[] {
  const decoder = new TextDecoder()
  // A long line is one text only when its end is there: the last event has a whole job.
  let pending: string[] = []
  let event: StreamedEvent = { id: '', event: 'message', data: '' }
  const takeLine = (line: string): StreamedEvent | undefined => {
    if (line === '') {
      const complete = event
      event = { id: complete.id, event: 'message', data: '' }
      return complete.data === '' ? undefined : complete
    }
    const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? []
    if (field === 'id' || field === 'event') event[field] = value
    if (field === 'data') event.data += event.data ? `\n${value}` : value
    return undefined
  }
  return bytes => {
    const text = decoder.decode(bytes, { stream: true })
    pending.push(text)
    if (!/[\r\n]/.test(text)) return []
    // A line may end with CR LF, and the LF may be in the next piece.
    const lines = pending.join('').split(/\r\n|\n|\r(?!$)/)
    pending = [lines.pop() ?? '']
    return lines.map(takeLine).filter(complete => complete !== undefined)
  }
}
