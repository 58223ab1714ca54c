import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { linearModel } from '../../support/onnx-model.ts'
import { openSocket } from '../../support/raw-http.ts'
import { getRequest } from '../../support/slow-clients.ts'
import type { Attack } from '../attack.ts'
import { attackTokens } from '../attack-servers.ts'

const connections = 50
const pipelined = 200
/** One list of 1 MB for each of ten connections is made, written and collected again and again. */
const mostMegabytes = 150
const seconds = 6

/** Many questions at once on each connection, and no answer is read. */
export const unreadAnswers: Attack = {
  name: 'unread-answers',
  does: '50 clients that send 200 requests at once for the API description, lists and content, and read nothing; they hold at most 150 MB, and others are served.',
  server: 'guarded',
  async run(target, { problem, note }) {
    const labels = Array.from({ length: 60 }, (_, index) => `label=k${index}:${'v'.repeat(100)}`).join('&')
    const ids: string[] = []
    for (let index = 0; index < 60; index += 1) ids.push(await target.upload(linearModel([index], [1]), labels))
    const paths = ['/openapi.json', '/v1/models?limit=500', `/v1/models/${ids[0]}/content`, '/docs', '/v1/methods']
    const before = target.residentMegabytes()
    const sockets: Socket[] = []
    try {
      for (let index = 0; index < connections; index += 1) {
        const socket = await openSocket(target.url)
        sockets.push(socket)
        const request = getRequest(paths[index % paths.length] ?? '', attackTokens[index % attackTokens.length])
        socket.write(request.repeat(pipelined))
      }
      let most = 0
      for (let waited = 0; waited < seconds * 10; waited += 1) {
        most = Math.max(most, target.residentMegabytes() - before)
        await delay(100)
      }
      note(`${most.toFixed(0)} MB above before`)
      if (most > mostMegabytes) problem(`answers that nobody reads hold ${most.toFixed(0)} MB`)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  },
}
