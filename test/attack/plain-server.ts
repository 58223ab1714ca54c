import { createServer } from 'node:http'

/** A server of node:http that does nothing else, to measure by. It never answers requests for a path that begins with /held. */
const server = createServer(({ url }, response) => {
  if (!url?.startsWith('/held')) response.end('{"status":"ok"}\n')
})
server.on('clientError', (_, socket) => socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'))
process.on('disconnect', () => process.exit())
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const address = server.address()
  if (typeof address === 'object') process.send?.(address?.port)
})
