import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { linearModel } from '../../support/onnx-model.ts'
import { openSocket } from '../../support/raw-http.ts'
import { getRequest, uploadHead } from '../../support/slow-clients.ts'
import type { Attack } from '../attack.ts'
import { attackTokens } from '../attack-servers.ts'

const rounds = 60
const form =
  '\r\ncontent-type: multipart/form-data; boundary=b\r\n\r\n--b\r\ncontent-disposition: form-data; name="model"; filename="a"\r\n\r\nx'

/** Clients that go away in the middle of something, by a reset or by closing their half of the connection. */
export const vanishingClients: Attack = {
  name: 'vanishing-clients',
  does: '480 clients that go away within an upload, a form, a JSON body, a download or a stream; nothing of them is left.',
  server: 'guarded',
  async run(target, { note }) {
    const model = linearModel(new Array(500_000).fill(1), new Array(500_000).fill(2))
    const id = await target.upload(model)
    const token = attackTokens[0]
    const half = model.subarray(0, model.byteLength / 2)
    const said: (string | Uint8Array)[][] = [
      [`${uploadHead('/v1/models', model.byteLength, token)}\r\n\r\n`, half],
      [`${uploadHead('/v1/models', 1_000, token)}${form}`],
      [`${uploadHead('/v1/soup', 1_000, token)}${form}`],
      [`${uploadHead('/v1/datasets', 1_000, token)}\r\n\r\nPK`],
      [`${uploadHead('/v1/merges', 1_000, token)}\r\ncontent-type: application/json\r\n\r\n{`],
      [getRequest(`/v1/models/${id}/content`, token)],
      [getRequest('/v1/models', token), getRequest('/openapi.json', token)],
      [`GET /v1/models HTTP/1.1\r\nhost: x`],
    ]
    let clients = 0
    for (let round = 0; round < rounds; round += 1)
      await Promise.all(
        said.map(async pieces => {
          const socket = await openSocket(target.url)
          socket.resume()
          for (const piece of pieces) socket.write(piece)
          await delay(round % 10)
          clients += 1
          if (round % 2 === 0) socket.resetAndDestroy()
          else {
            socket.end()
            await Promise.race([once(socket, 'close'), delay(2_000)])
            socket.destroy()
          }
        }),
      )
    note(`${clients} clients`)
  },
}
