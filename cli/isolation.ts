import type { Session } from './session.ts'

/** Warns if models that run in this process's server can reach files or the network. An operator knows that of other servers. */
export async function warnOfIsolation({ client, kind, reporter, signal }: Session): Promise<void> {
  if (kind === 'remote') return
  const { isolation } = await client.getUsage({ signal })
  if (isolation.fileSystem && isolation.network) return
  reporter.warn([
    'models that run here can reach files and the network of this machine; run no models of strangers, or see docs/operations/isolation.md',
  ])
}
