/** The platforms that Tureen supports, as onnxruntime-node names their folders: platform of Node and processor. */
export const platforms = ['linux/x64', 'linux/arm64', 'darwin/arm64'] as const

/** Processors of Linux, for each of which the package carries the launcher of evaluators. */
export const launcherProcessors = ['x64', 'arm64'] as const
