import fastifyPlugin from 'fastify-plugin'

/** Ends every JSON answer with a newline. A shell then shows its prompt on a line of its own. */
export const finalNewline = fastifyPlugin(async app => {
  app.addHook('onSend', async (_, reply, payload) => {
    const type = String(reply.getHeader('content-type') ?? '')
    if (typeof payload !== 'string' || payload === '' || !jsonType.test(type)) return payload
    const text = withNewline(payload)
    if (reply.hasHeader('content-length')) reply.header('content-length', Buffer.byteLength(text))
    return text
  })
})

const jsonType = /^application\/([\w.-]+\+)?json\b/i

/** Returns the text with a final newline. */
export function withNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}
