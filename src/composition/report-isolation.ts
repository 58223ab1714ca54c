import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { type ChosenIsolation, isIsolated } from '../evaluate/isolation/choose-isolation.ts'

/** Page that explains the levels of isolation. */
const page = 'docs/operations/isolation.md'

const remedy =
  'Use Linux 5.13 or newer with Landlock, where npm ci finds a C compiler, or install bubblewrap and allow user namespaces'

/**
 * Logs how evaluators are isolated.
 * @throws Error with the reasons and what to do if the setting requires isolation and the level does not give it
 */
export function reportIsolation(
  { isolation: required }: Pick<Config, 'isolation'>,
  { isolation, refused }: ChosenIsolation,
  log: Logger,
): void {
  if (isIsolated(isolation)) {
    log.info({ isolation, refused }, `models run isolated by ${isolation.level}`)
    return
  }
  const reasons = refused.map(({ what, reason }) => `${what}: ${reason}`).join('; ')
  if (required === 'required') {
    throw new Error(
      `TUREEN_ISOLATION=required, and models that run would not be isolated here (${reasons}). ${remedy}; or set TUREEN_ISOLATION=auto, and run no models of strangers. See ${page}.`,
    )
  }
  log.warn(
    { isolation, refused },
    `models that run can reach files and the network of this machine. ${remedy}. See ${page}`,
  )
}
