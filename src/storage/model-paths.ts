import { stat } from 'node:fs/promises'

/** Where the files of a model lie: its own, and those that it refers to, by the location that it calls them. */
export type ModelPaths = { path: string; data: readonly { location: string; path: string }[] }

/** How many bytes the files of a model have; a soup of it and others has about as many. */
export async function bytesOf({ path, data }: ModelPaths): Promise<number> {
  const files = await Promise.all([path, ...data.map(each => each.path)].map(each => stat(each)))
  return files.reduce((sum, { size }) => sum + size, 0)
}
