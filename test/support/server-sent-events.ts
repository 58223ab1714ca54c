export type ServerSentEvent = { id: string; event: string; data: string }

/** Yields the events of a text/event-stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). Comments are left out. */
export async function* serverSentEvents(response: Response): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = parseBlock(text.slice(0, end))
      text = text.slice(end + 2)
      if (event.data !== '') yield event
    }
  }
}

export async function allEvents(response: Response): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = []
  for await (const event of serverSentEvents(response)) events.push(event)
  return events
}

function parseBlock(block: string): ServerSentEvent {
  const event = { id: '', event: 'message', data: '' }
  for (const line of block.split('\n')) {
    const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
    if (field === 'id' || field === 'event') event[field] = value
    if (field === 'data') event.data += event.data ? `\n${value}` : value
  }
  return event
}
