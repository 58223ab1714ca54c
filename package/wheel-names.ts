import { platforms, type SupportedPlatform, wheelTags } from './platforms.ts'

const prereleases: Record<string, string> = { alpha: 'a', beta: 'b', rc: 'rc' }

/**
 * Returns a semantic version as Python writes it (https://packaging.python.org/specifications/version-specifiers/): `1.2.0-rc.1` is `1.2.0rc1`.
 * Undefined for a prerelease that Python has no word for.
 */
export function pythonVersion(version: string): string | undefined {
  const [, released = '', word, number] = /^(\d+\.\d+\.\d+)(?:-([a-z]+)\.(\d+))?$/.exec(version) ?? []
  if (released === '') return undefined
  if (word === undefined) return released
  return prereleases[word] && `${released}${prereleases[word]}${number}`
}

/** Returns the name of the file of a wheel. */
export function wheelName(version: string, platform: SupportedPlatform): string {
  return `tureen-${pythonVersion(version) ?? version}-py3-none-${wheelTags[platform]}.whl`
}

/** Returns the names of the wheels of a release. */
export function wheelNames(version: string): string[] {
  return platforms.map(platform => wheelName(version, platform))
}
