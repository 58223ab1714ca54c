import type { Isolation } from '../../../schemas/isolation.ts'
import { systemTool } from '../system-tool.ts'
import { type BubblewrapOptions, createBubblewrap } from './bubblewrap.ts'
import type { StartIsolated } from './isolated-process.ts'
import { createLauncher } from './launcher.ts'
import { launcherBinary } from './launcher-binary.ts'
import { evaluatorUser, type LauncherOptions } from './launcher-options.ts'
import { type LauncherProtections, probeLauncher } from './launcher-protections.ts'
import { startPlain } from './plain-process.ts'
import { probeIsolation } from './probe-isolation.ts'
import { shareCompiledCode } from './share-compiled-code.ts'

export type IsolationLevel = Isolation['level']

/** Levels of isolation, strongest first. */
export const isolationLevels: readonly IsolationLevel[] = ['landlock', 'bubblewrap', 'seccomp', 'limits']

/** `close` ends what the level needs, and with it every evaluator. */
type Opened = { isolation: Isolation; start: StartIsolated; close(): void }

/**
 * A level that does not hold, with the reason. Where the server is root: `ownUser` if evaluators keep its user, and `noCapabilities` if they
 * keep the right to search any directory.
 */
export type Refused = { what: IsolationLevel | 'ownUser' | 'noCapabilities'; reason: string }

/** A chosen level. `refused`: stronger levels, and a user of their own for evaluators, which do not hold here. */
export type ChosenIsolation = Opened & { refused: Refused[] }

/** True if models that run reach neither the files of the machine nor its network. */
export function isIsolated({ fileSystem, network }: Isolation): boolean {
  return fileSystem && network
}

/** The user and the capability of evaluators, as {@link LauncherOptions} have them. */
type Rights = Pick<LauncherOptions, 'user' | 'searches'>

/** Rights of evaluators where the server is root, least first. `without`: the protection that is given up if they do not suffice. */
const rightsOfRoot: readonly { rights: Rights; without: 'ownUser' | 'noCapabilities' | undefined }[] = [
  { rights: { user: evaluatorUser }, without: 'ownUser' },
  { rights: {}, without: 'noCapabilities' },
  // Node may be in a private directory of another user.
  { rights: { searches: true }, without: undefined },
]

/**
 * Tries the levels one after the other, and returns the first that holds. Where the server is root, each is tried with a user of their own
 * for evaluators first, then as root without capabilities, then with the right to search directories.
 *
 * @param parent the directory of evaluators' directories
 * @param levels the levels to try, which end with one that always holds
 */
export async function chooseIsolation(
  parent: string,
  levels: readonly IsolationLevel[] = isolationLevels,
): Promise<ChosenIsolation> {
  const refused: Refused[] = []
  const isRoot = process.getuid?.() === 0
  if (isRoot) await shareCompiledCode(evaluatorUser)
  for (const level of levels) {
    const givenUp: Refused[] = []
    let reason = ''
    for (const { rights, without } of isRoot ? rightsOfRoot : [{ rights: {}, without: undefined }]) {
      try {
        const opened = await openers[level](parent, rights)
        return { ...opened, refused: [...refused, ...givenUp] }
      } catch (error) {
        const found = error instanceof Error ? error.message : String(error)
        if (without) givenUp.push({ what: without, reason: found })
        // In a container, root may not have the last right to keep: that says nothing of the level.
        if (!rights.searches) reason = found
      }
    }
    refused.push({ what: level, reason })
  }
  throw new RangeError(`none of the levels ${levels.join(', ')} holds`)
}

/** Each opens one level. It throws Error with the reason if the level does not hold. */
const openers: Record<IsolationLevel, (parent: string, rights: Rights) => Promise<Opened>> = {
  async landlock(parent, rights) {
    const options = launcherOptions(rights)
    const found = await probeLauncher(options, parent)
    if (found.landlockAbi === null) throw new Error('the kernel has no Landlock, or it is switched off')
    if (!found.fileSystem || !found.network) throw new Error(`Landlock leaves something open: ${JSON.stringify(found)}`)
    return openLauncher('landlock', options, found)
  },
  async bubblewrap(parent, { user, searches }) {
    if (searches) throw new Error('in bubblewrap, evaluators need not search directories of others')
    const bubblewrap = systemTool('bwrap')
    if (bubblewrap === undefined) throw new Error('bubblewrap is not installed')
    const launcher = launcherBinary()
    if (launcher === undefined) return openBubblewrap(parent, { bubblewrap, user, launcher })
    // Some systems have bubblewrap's namespaces, and not all of seccomp.
    return openBubblewrap(parent, { bubblewrap, user, launcher }).catch(() =>
      openBubblewrap(parent, { bubblewrap, user, launcher: undefined }),
    )
  },
  async seccomp(parent, rights) {
    const options = { ...launcherOptions(rights), landlockAbi: 0 }
    return openLauncher('seccomp', options, await probeLauncher(options, parent))
  },
  async limits() {
    const isolation: Isolation = {
      level: 'limits',
      fileSystem: false,
      network: false,
      processes: false,
      systemCalls: false,
      ownUser: false,
      landlockAbi: null,
    }
    return { isolation, start: startPlain, close() {} }
  },
}

async function openBubblewrap(parent: string, options: BubblewrapOptions): Promise<Opened> {
  const start = createBubblewrap(options)
  const { user, ...protections } = await probeIsolation(start, parent)
  if (!protections.fileSystem || !protections.network)
    throw new Error(`bubblewrap leaves something open: ${JSON.stringify(protections)}`)
  const ownUser = options.user !== undefined && user === options.user
  const isolation: Isolation = { level: 'bubblewrap', ...protections, ownUser, landlockAbi: null }
  return { isolation, start, close() {} }
}

function launcherOptions(rights: Rights): LauncherOptions {
  const binary = launcherBinary()
  if (binary === undefined)
    throw new Error('the launcher is not built: npm ci builds it on Linux where there is a C compiler')
  return { binary, ...rights }
}

function openLauncher(level: IsolationLevel, options: LauncherOptions, found: LauncherProtections): Opened {
  const { seccomp: systemCalls, ...protections } = found
  return { isolation: { level, ...protections, systemCalls }, ...createLauncher(options) }
}
