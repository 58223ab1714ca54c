import { z } from 'zod'
import { labels, name, ttl } from './common.ts'

const path = z.string().regex(/^\//, 'must be an absolute path').max(4096).describe('Absolute path on this machine')

/** A file of this machine that an embedded server takes over. */
const localFile = {
  path,
  inPlace: z.boolean().describe('True if the server may read the file where it is, as long as nobody changes it'),
}

/** Requests that only the embedded server of the command line has. They are not in the API's document. */
export const localModel = z.strictObject({
  ...localFile,
  name,
  labels,
  ttl: ttl.optional(),
  root: z.string().optional(),
})
export const localData = z.strictObject({ ...localFile, location: z.string().min(1).max(4096) })
export const localDataset = z.strictObject({ path, name, labels, ttl: ttl.optional() })

/** The path of a model's own file in the store. */
export const localPath = z.object({ path })

/** Files that were changed since the server took them over. */
export const localChanges = z.object({ changed: z.array(z.string()) })

export type LocalModel = z.infer<typeof localModel>
export type LocalData = z.infer<typeof localData>
export type LocalDataset = z.infer<typeof localDataset>
export type LocalPath = z.infer<typeof localPath>
export type LocalChanges = z.infer<typeof localChanges>
