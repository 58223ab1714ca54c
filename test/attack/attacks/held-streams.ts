import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { endlessLoop } from '../../support/hostile-models.ts'
import { npz } from '../../support/npz.ts'
import { getRequest, readSlowly, type SlowReader } from '../../support/slow-clients.ts'
import type { Attack } from '../attack.ts'
import { attackTokens } from '../attack-servers.ts'
import type { Target } from '../target.ts'

const asked = 400
/** One token may hold so many of each. */
const mostStreams = 64
const mostWaits = 256
const mostMegabytes = 60

/** A job that runs until it is cancelled. @returns its id */
async function endlessJob(target: Target): Promise<string> {
  const values = { descr: '<f4', shape: [1, 1], data: Float32Array.of(1) }
  const response = await target.fetch('/v1/datasets', { method: 'POST', body: npz({ x: values, t: values }) })
  const created = z.object({ id: z.string() })
  const { id: dataset } = created.parse(await response.json())
  const model = await target.upload(endlessLoop())
  const answer = await target.post('/v1/evaluations', {
    model,
    dataset,
    inputs: { x: 'x' },
    target: 't',
    metrics: ['mse'],
  })
  return created.parse(await answer.json()).id
}

export const heldStreams: Attack = {
  name: 'held-streams',
  does: '400 event streams and 400 waits of one client; 64 and 256 are held, the others are 429, and other clients are served.',
  server: 'guarded',
  async run(target, { problem, note }) {
    const id = await endlessJob(target)
    const before = target.residentMegabytes()
    const readers: SlowReader[] = []
    const hold = async (path: string, most: number) => {
      const mine = await Promise.all(
        Array.from({ length: asked }, () => readSlowly(target.url, getRequest(path, attackTokens[0]), 10_000)),
      )
      readers.push(...mine)
      await delay(2_000)
      const other = await target.fetch(path.replace('wait=60', 'wait=0'), { headers: target.headers(1) })
      if (other.status >= 400) problem(`beside it another client's ${path} was answered with ${other.status}`)
      await other.body?.cancel()
      const answered = mine.filter(reader => reader.taken() > 0 && path.includes('wait')).length
      const refused = path.includes('wait')
        ? answered
        : asked - mine.filter(({ socket }) => !socket.destroyed && socket.bytesRead > 0).length
      note(`${path.split('/').at(-1)}: ${refused} of ${asked} were refused or ended`)
      if (refused < asked - most) problem(`${asked - refused} of ${path} are held, ${most} may be`)
    }
    try {
      await hold(`/v1/jobs/${id}?wait=60`, mostWaits)
      await hold(`/v1/jobs/${id}/events`, mostStreams)
      const growth = target.residentMegabytes() - before
      note(`${growth.toFixed(0)} MB above before`)
      if (growth > mostMegabytes) problem(`streams and waits hold ${growth.toFixed(0)} MB`)
    } finally {
      for (const reader of readers) reader.stop()
    }
  },
}
