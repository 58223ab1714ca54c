import { setTimeout as delay } from 'node:timers/promises'
import { modelForm } from '../../support/http-client.ts'
import { linearModel } from '../../support/onnx-model.ts'
import { getRequest, readSlowly, type SlowReader, uploadHead } from '../../support/slow-clients.ts'
import type { Attack } from '../attack.ts'
import { attackTokens } from '../attack-servers.ts'

const downloads = 200
const mostMegabytes = 60
const patience = 60_000
/** 32 MB, more than the buffers of a connection take. */
const elements = 4 * 2 ** 20
const soups = 4
const soupBytes = elements * 4

/** A soup of two models of 16 MB in one request. */
async function soupRequest(token: string | undefined): Promise<Uint8Array> {
  const models = [1, 2].map(weight =>
    linearModel(new Array(elements / 2).fill(weight), new Array(elements / 2).fill(1)),
  )
  const form = new Response(modelForm(models))
  const body = new Uint8Array(await form.arrayBuffer())
  const type = form.headers.get('content-type')
  const head = `${uploadHead('/v1/soup', body.byteLength, token)}\r\ncontent-type: ${type}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

export const stalledDownloads: Attack = {
  name: 'stalled-downloads',
  does: '200 downloads and 4 one-shot soups whose clients read nothing, or a few bytes a second; they are ended, and hold at most 60 MB.',
  server: 'guarded',
  async run(target, { problem, note }) {
    const id = await target.upload(linearModel(new Array(elements).fill(1), new Array(elements).fill(2)))
    const idle = target.residentMegabytes()
    // What a merge needs of memory is not what its stalled answer holds.
    const request = await soupRequest(attackTokens[0])
    const warm = await readSlowly(target.url, request, 100_000_000)
    for (let waited = 0; warm.taken() < soupBytes && waited < 300; waited += 1) await delay(100)
    warm.stop()
    // A server may give memory back between the two, which it needed at rest.
    const before = Math.max(idle, target.residentMegabytes())
    const readers: SlowReader[] = []
    try {
      for (let index = 0; index < downloads; index += 1) {
        const request = getRequest(`/v1/models/${id}/content`, attackTokens[index % attackTokens.length])
        readers.push(await readSlowly(target.url, request, index % 2 === 0 ? 0 : 1_000))
      }
      for (let index = 0; index < soups; index += 1)
        readers.push(await readSlowly(target.url, await soupRequest(attackTokens[index])))
      await delay(3_000)
      const honest = await target.fetch(`/v1/models/${id}/content`, {
        headers: { ...target.headers(1), range: 'bytes=0-99' },
      })
      if ((await honest.arrayBuffer()).byteLength !== 100)
        problem(`beside 200 stalled downloads another was answered with ${honest.status}`)
      let most = target.residentMegabytes() - before
      const descriptors = target.descriptors()
      for (
        const end = performance.now() + patience;
        target.descriptors().files > 0 && performance.now() < end;
        await delay(250)
      )
        most = Math.max(most, target.residentMegabytes() - before)
      const { files } = target.descriptors()
      note(
        `${most.toFixed(0)} MB above before; ${descriptors.files} files and ${descriptors.sockets} sockets were open`,
      )
      if (files > 0) problem(`${files} files of stalled downloads are open after ${patience / 1000} s`)
      if (most > mostMegabytes) problem(`stalled downloads hold ${most.toFixed(0)} MB`)
    } finally {
      for (const reader of readers) reader.stop()
    }
  },
}
