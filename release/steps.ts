import { wheelNames } from '../package/wheel-names.ts'

/** A step of a release: commands that run one after the other, each as program and arguments. */
export type Step = Readonly<{ title: string; commands: readonly (readonly string[])[] }>

/** The file to which the build writes the digest of the image. */
export const imageMetadataFile = 'image-metadata.json'

/** The file that holds the version's part of the changelog. */
export const notesFile = 'release-notes.md'

/**
 * Returns the steps of a release after its checks:
 *
 * - pack the package, and publish it with provenance
 * - build the wheels of all platforms
 * - push the image for two platforms with an SBOM and provenance
 * - sign the image by its digest
 * - make the release with its notes, the package and the wheels
 *
 * @param image name without tag, such as ghcr.io/OWNER/tureen
 * @param isPrivate true if package.json forbids publishing the package: it is packed for the release only
 */
export function releaseSteps(version: string, image: string, isPrivate: boolean): Step[] {
  const tag = `${image}:${version}`
  const prerelease = version.includes('-')
  const tarball = `tureen-${version}.tgz`
  return [
    {
      title: isPrivate ? 'package: not published, package.json is private' : 'package',
      commands: [
        ['npm', 'pack'],
        ...(isPrivate ? [] : [['npm', 'publish', `./${tarball}`, '--provenance', '--access', 'public']]),
      ],
    },
    {
      title: 'wheels',
      commands: [['npm', 'run', 'wheel', '--', '--platform=all', `--tarball=${tarball}`]],
    },
    {
      title: 'image',
      commands: [
        [
          'docker',
          'buildx',
          'build',
          '--platform=linux/amd64,linux/arm64',
          '--sbom=true',
          '--provenance=mode=max',
          `--metadata-file=${imageMetadataFile}`,
          `--tag=${tag}`,
          ...(prerelease ? [] : [`--tag=${image}:latest`]),
          '--push',
          '.',
        ],
      ],
    },
    { title: 'signature', commands: [['cosign', 'sign', '--yes', `${image}@DIGEST`]] },
    {
      title: 'release',
      commands: [
        [
          'gh',
          'release',
          'create',
          `v${version}`,
          tarball,
          ...wheelNames(version),
          '--verify-tag',
          `--title=${version}`,
          `--notes-file=${notesFile}`,
          ...(prerelease ? ['--prerelease'] : []),
        ],
      ],
    },
  ]
}
