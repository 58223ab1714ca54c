import { setTimeout as delay } from 'node:timers/promises'
import { linearModel } from '../../support/onnx-model.ts'
import { begunModel, type SlowBody, type SlowClient, sendSlowly, uploadHead } from '../../support/slow-clients.ts'
import type { Attack } from '../attack.ts'
import { attackTokens } from '../attack-servers.ts'

const uploads = 64
/** More than all uploads at once may hold above an idle server. */
const mostMegabytes = 60
/** A slot is taken away 30 s after its client became slow; the server looks from time to time. */
const patience = 50_000
const bodyBytes = 100_000_000
/** Much at once, so that whatever buffers a body fills up; then nearly nothing. */
const burst = begunModel(2 * 2 ** 20)
/** The same as the beginning of a zip file, since a data set of other bytes is refused at once. */
const zipBurst = Uint8Array.from(burst)
zipBurst.set(Buffer.from('PK\x03\x04'))

const formHead = (path: string, token: string | undefined) =>
  `${uploadHead(path, bodyBytes, token)}\r\ncontent-type: multipart/form-data; boundary=b`
const part = (name: string) =>
  Buffer.from(`--b\r\ncontent-disposition: form-data; name="${name}"; filename="a"\r\n\r\n`)
/** Every way to upload: raw and in forms, in one piece and in chunks. */
const kinds: ((token: string | undefined) => Pick<SlowBody, 'head' | 'first'>)[] = [
  token => ({ head: uploadHead('/v1/models', bodyBytes, token), first: burst }),
  token => ({ head: uploadHead('/v1/datasets', bodyBytes, token), first: zipBurst }),
  token => ({ head: formHead('/v1/models', token), first: Buffer.concat([part('model'), burst]) }),
  token => ({ head: formHead('/v1/soup', token), first: Buffer.concat([part('model'), burst]) }),
]

export const slowUploads: Attack = {
  name: 'slow-uploads',
  does: '64 uploads that send 2 MB at once and then a byte a second, while others upload; they are ended, and hold at most 60 MB.',
  server: 'guarded',
  async run(target, { problem, note }) {
    const before = target.residentMegabytes()
    const open = (client: number, index: number) => {
      const kind = kinds[index % kinds.length]
      if (kind === undefined) throw new RangeError('there is no kind of upload')
      return sendSlowly(target.url, { ...kind(attackTokens[client]), milliseconds: 1_000 })
    }
    const clients: SlowClient[] = []
    try {
      // One client asks for all of the slots; the others must still be served.
      for (let index = 0; index < uploads; index += 1) clients.push(await open(0, index))
      await delay(1_500)
      const honest = await target.fetch('/v1/models', {
        method: 'POST',
        headers: target.headers(1),
        body: linearModel([1], [1]),
      })
      await honest.arrayBuffer()
      if (honest.status !== 201)
        problem(`beside 64 slow uploads of one client, another client's upload was answered with ${honest.status}`)
      for (let index = 0; index < uploads; index += 1) clients.push(await open(1 + (index % 3), index))
      await delay(5_000)
      let most = target.residentMegabytes() - before
      let ended = 0
      const statuses = new Map<number, number>()
      for (const { answer } of clients)
        void answer.then(({ status }) => {
          ended += 1
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        })
      for (
        const end = performance.now() + patience;
        ended < clients.length && performance.now() < end;
        await delay(250)
      )
        most = Math.max(most, target.residentMegabytes() - before)
      note(
        `${most.toFixed(0)} MB above before; ${[...statuses].map(([status, count]) => `${count} times ${status}`).join(', ')}`,
      )
      if (ended < clients.length)
        problem(`${clients.length - ended} slow uploads were not ended in ${patience / 1000} s`)
      if (most > mostMegabytes) problem(`slow uploads hold ${most.toFixed(0)} MB`)
    } finally {
      for (const client of clients) client.stop()
    }
  },
}
