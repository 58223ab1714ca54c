import { z } from 'zod'
import type { PatientFetch } from './patient-fetch.ts'

const content = z.object({ id: z.string(), name: z.string().nullable(), sha256: z.string() })
const listed = { models: content, datasets: content, jobs: z.object({ id: z.string(), status: z.string() }) }
type Listed = typeof listed

/** Reads what a cluster holds, from any of its replicas. */
export function storeReader(send: PatientFetch) {
  const get = async (path: string): Promise<unknown> => {
    const { status, text } = await send(path)
    if (status !== 200) throw new Error(`GET ${path} was answered with ${status}: ${text}`)
    return JSON.parse(text)
  }
  return {
    send,
    get,
    /** Lists all records of a kind. */
    async list<Kind extends keyof Listed>(kind: Kind): Promise<z.output<Listed[Kind]>[]> {
      const page = z.object({ items: z.array(listed[kind]), nextCursor: z.string().nullable() })
      const items: z.output<Listed[Kind]>[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const found: z.output<typeof page> = page.parse(
          await get(`/v1/${kind}?limit=500${cursor && `&cursor=${cursor}`}`),
        )
        items.push(...found.items)
        cursor = found.nextCursor
      }
      return items
    },
  }
}

export type StoreReader = ReturnType<typeof storeReader>
