import type { Config } from '../config.ts'
import { tellOfNewerJobs } from '../jobs/newer-jobs.ts'
import type { Plugins } from './http-plugins.ts'
import type { AppParts } from './http-routes.ts'
import type { HttpServer } from './http-server.ts'

/**
 * Starts and stops the services with the HTTP server. Background work starts once the server listens. So do jobs, except on a server with the
 * role `api`, and stop as soon as the server must close. The data directory is released when every request has ended.
 *
 * @param closing is aborted when the server must close
 */
export function followLifecycle(
  app: HttpServer,
  { role }: Pick<Config, 'role'>,
  { tokens, bodyProgress, drain, answers }: Plugins,
  { directory, storage, stores, engine, helping, jobs, candidates, upkeep: { sweeper, verifier }, log }: AppParts,
  closing: AbortController,
): void {
  const { models, datasets } = stores
  const { threads, evaluators } = engine
  /** Ends when jobs run, behind the start of the server. */
  let starting = Promise.resolve()
  /** Ends when no model lacks its fingerprint, behind that. */
  let renewing = Promise.resolve()
  const start = async () => {
    await tellOfNewerJobs(storage.catalog, log)
    if (role !== 'api') {
      await jobs.executor.start()
      helping.helper?.start()
      if ((await datasets.list({ limit: 1, label: {} })).items.length > 0) evaluators.warm()
    }
    renewing = storage.election
      .untilElected(closing.signal)
      .then(() =>
        models.renewFingerprints(closing.signal, error => log.warn({ err: error }, 'a model has no fingerprint')),
      )
      .catch((error: unknown) => log.error({ err: error }, 'the fingerprints of models could not be renewed'))
  }
  app.addHook('onListen', async () => {
    sweeper.start()
    verifier.start()
    tokens.start()
    starting = start()
    await starting
  })
  app.addHook('preClose', async () => {
    closing.abort()
    drain.close()
    await Promise.all([jobs.executor.close(), helping.helper?.close()])
  })
  app.addHook('onClose', async () => {
    bodyProgress.close()
    answers.close()
    tokens.close()
    // Its failure is in the log already.
    await starting.catch(() => undefined)
    await sweeper.close()
    await verifier.close()
    await candidates.close()
    await evaluators.close()
    await threads.close()
    await renewing
    await storage.notifications?.close()
    await storage.election.close()
    await storage.holds?.close()
    await storage.beats?.destroy()
    await storage.catalog.destroy()
    storage.closeRemote?.()
    directory.release()
  })
}
