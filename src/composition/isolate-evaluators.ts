import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import {
  type ChosenIsolation,
  chooseIsolation,
  type IsolationLevel,
  isIsolated,
} from '../evaluate/isolation/choose-isolation.ts'

/** Page that explains the levels of isolation. */
const page = 'docs/operations/isolation.md'

const remedy =
  'Use Linux 5.13 or newer with Landlock, where npm ci finds a C compiler, or install bubblewrap and allow user namespaces'

/**
 * Chooses how evaluators are isolated, and logs it.
 *
 * @param parent the directory of evaluators' directories
 * @param levels the levels to try; all by default
 * @throws Error with the reasons and what to do if the setting requires isolation and no level gives it
 */
export async function isolateEvaluators(
  { isolation: required }: Pick<Config, 'isolation'>,
  parent: string,
  log: Logger,
  levels?: readonly IsolationLevel[],
): Promise<ChosenIsolation> {
  const chosen = await chooseIsolation(parent, levels)
  const { isolation, refused } = chosen
  if (isIsolated(isolation)) {
    log.info({ isolation, refused }, `models run isolated by ${isolation.level}`)
    return chosen
  }
  const reasons = refused.map(({ what, reason }) => `${what}: ${reason}`).join('; ')
  if (required === 'required') {
    chosen.close()
    throw new Error(
      `TUREEN_ISOLATION=required, and models that run would not be isolated here (${reasons}). ${remedy}; or set TUREEN_ISOLATION=auto, and run no models of strangers. See ${page}.`,
    )
  }
  log.warn(
    { isolation, refused },
    `models that run can reach files and the network of this machine. ${remedy}. See ${page}`,
  )
  return chosen
}
