/** The platforms that Tureen supports, as onnxruntime-node names their folders: platform of Node and processor. */
export const platforms = ['linux/x64', 'linux/arm64', 'darwin/arm64'] as const

/** A platform that Tureen supports. */
export type SupportedPlatform = (typeof platforms)[number]

/** Processors of Linux, for each of which the package carries the launcher of evaluators. */
export const launcherProcessors = ['x64', 'arm64'] as const

/**
 * The platforms as wheels name them. Node and onnxruntime need glibc 2.28 (their symbols say so), and onnxruntime needs macOS 14 (the
 * load commands of its library say so).
 */
export const wheelTags: Record<SupportedPlatform, string> = {
  'linux/x64': 'manylinux_2_28_x86_64',
  'linux/arm64': 'manylinux_2_28_aarch64',
  'darwin/arm64': 'macosx_14_0_arm64',
}
