import type { Notifications } from '../../src/storage/postgres/notifications.ts'

/** Notifications inside this process, without a database that delivers them. */
export function newsHere(): Pick<Notifications, 'listen' | 'tell'> {
  const hearers = new Set<{ channel: string; hear: (text: string) => void }>()
  return {
    listen(channel, hear) {
      const hearer = { channel, hear }
      hearers.add(hearer)
      return () => void hearers.delete(hearer)
    },
    async tell(_, channel, text) {
      for (const hearer of hearers) if (hearer.channel === channel) setImmediate(hearer.hear, text)
    },
  }
}
