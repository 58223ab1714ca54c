import { stat } from 'node:fs/promises'

/**
 * The paths of a model's files: its own file, and its external data by location. `root`: place of the dict of tensors in a checkpoint of
 * PyTorch; absent for the usual one, and for all other files.
 */
export type ModelPaths = {
  path: string
  data: readonly { location: string; path: string }[]
  root?: string | undefined
}

/** Returns the bytes of all files of a model. A soup with it as base has about as many. */
export async function bytesOf({ path, data }: ModelPaths): Promise<number> {
  const files = await Promise.all([path, ...data.map(each => each.path)].map(each => stat(each)))
  return files.reduce((sum, { size }) => sum + size, 0)
}
