import { isPackaged } from './own-modules.ts'

/** Commands of the program: as the package's `tureen` knows them, and as scripts of npm in a checkout. */
const names = {
  check: { packaged: 'tureen check', script: 'npm run check-store' },
  backup: { packaged: 'tureen backup', script: 'npm run backup' },
  migrate: { packaged: 'tureen migrate', script: 'npm run migrate' },
} as const

/** The name of a command of the program. */
export type CommandName = keyof typeof names

/** Returns what a user types to run a command: `tureen check DIR` in the package, `npm run check-store -- DIR` in a checkout. */
export function typedCommand(name: CommandName, parameters = ''): string {
  const { packaged, script } = names[name]
  if (parameters === '') return isPackaged ? packaged : script
  return isPackaged ? `${packaged} ${parameters}` : `${script} -- ${parameters}`
}

/** Returns the beginning of a command's messages, such as `tureen check` or `check-store`. */
export function messagePrefix(name: CommandName): string {
  return isPackaged ? names[name].packaged : names[name].script.replace('npm run ', '')
}
