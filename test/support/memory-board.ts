import type { RangeBoard } from '../../src/jobs/range-board.ts'

type Row = {
  id: string
  jobId: string
  term: number
  fingerprint: string
  soups: Parameters<RangeBoard['offer']>[1][number]['soups']
  holder: { id: string; evaluators: number } | null
  beats: number
  isSettled: boolean
}

/** A board inside this process. Every call takes a turn of the event loop. `endJob`: its job runs no longer. */
export function memoryBoard(): RangeBoard & { endJob(jobId: string): void } {
  const ended = new Set<string>()
  const rows = new Map<string, Row>()
  const settledHearers = new Set<{ jobId: string; hear: () => void }>()
  const offeredHearers = new Set<() => void>()
  const later = () => new Promise(resolve => setImmediate(resolve))
  const heldBy = (helper: { id: string }, id: string) => {
    const row = rows.get(id)
    return row?.holder?.id === helper.id ? row : undefined
  }
  const tellOffered = () => {
    for (const hear of offeredHearers) setImmediate(hear)
  }
  return {
    endJob: jobId => void ended.add(jobId),
    async offer(jobId, ranges) {
      await later()
      for (const range of ranges) rows.set(range.id, { ...range, jobId, holder: null, beats: 0, isSettled: false })
      tellOffered()
    },
    async states(jobId) {
      await later()
      const own = [...rows.values()].filter(row => row.jobId === jobId)
      return own.map(({ id, holder, beats, isSettled }) => ({ id, holder, beats, isSettled }))
    },
    async takeBack(ids) {
      await later()
      return ids.filter(id => rows.get(id)?.holder === null && rows.delete(id))
    },
    async remove(jobId, ids) {
      await later()
      for (const row of rows.values()) if (row.jobId === jobId && (ids?.includes(row.id) ?? true)) rows.delete(row.id)
    },
    onSettled(jobId, hear) {
      const hearer = { jobId, hear }
      settledHearers.add(hearer)
      return () => void settledHearers.delete(hearer)
    },
    async take(helper, among) {
      await later()
      const isWanted = ({ jobId, holder }: Row) =>
        holder === null &&
        !ended.has(jobId) &&
        ('jobId' in among ? jobId === among.jobId : !among.except.includes(jobId))
      const row = [...rows.values()].find(isWanted)
      if (!row) return undefined
      row.holder = helper
      const { id, jobId, term, fingerprint, soups } = row
      return { id, jobId, term, fingerprint, soups }
    },
    async beat(helper, ids) {
      await later()
      const held = ids.flatMap(id => heldBy(helper, id) ?? []).filter(({ jobId }) => !ended.has(jobId))
      for (const row of held) row.beats += 1
      return held.map(({ id }) => id)
    },
    async isRunning(jobId) {
      await later()
      return !ended.has(jobId)
    },
    async settle(helper, id) {
      await later()
      const row = heldBy(helper, id)
      if (!row) return
      row.isSettled = true
      for (const { jobId, hear } of settledHearers) if (jobId === row.jobId) setImmediate(hear)
    },
    async release(helper, id) {
      await later()
      const row = heldBy(helper, id)
      if (!row || row.isSettled) return
      Object.assign(row, { holder: null, beats: 0 })
      tellOffered()
    },
    onOffered(hear) {
      offeredHearers.add(hear)
      return () => void offeredHearers.delete(hear)
    },
  }
}
