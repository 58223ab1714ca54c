import type { Plugins } from './http-plugins.ts'
import type { AppParts } from './http-routes.ts'
import type { HttpServer } from './http-server.ts'

/**
 * Starts and stops the services with the HTTP server. Background work starts once the server listens. Jobs stop as soon as the server must
 * close. The data directory is released when every request has ended.
 *
 * @param closing is aborted when the server must close
 */
export function followLifecycle(
  app: HttpServer,
  { tokens, bodyProgress, drain, answers }: Plugins,
  { directory, storage, stores, engine, jobs, upkeep: { sweeper, verifier }, log }: AppParts,
  closing: AbortController,
): void {
  const { models, datasets } = stores
  const { threads, evaluators } = engine
  app.addHook('onListen', async () => {
    sweeper.start()
    verifier.start()
    tokens.start()
    // Before the models, because their inspection may take long.
    await jobs.resume()
    if ((await datasets.list({ limit: 1, label: {} })).items.length > 0) evaluators.warm()
    await models.renewFingerprints(error => log.warn({ err: error }, 'a model has no fingerprint'))
  })
  app.addHook('preClose', async () => {
    closing.abort()
    drain.close()
    await jobs.close()
  })
  app.addHook('onClose', async () => {
    bodyProgress.close()
    answers.close()
    tokens.close()
    await sweeper.close()
    await verifier.close()
    await evaluators.close()
    await threads.close()
    await storage.catalog.destroy()
    directory.release()
  })
}
