import type { TestProject } from 'vitest/node'
import { type S3Variables, startS3 } from './s3.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The bucket for content, and the AWS variables of its server; undefined where content is in data directories. */
    s3: { bucket: string; variables: S3Variables } | undefined
  }
}

/** Global setup of the tier `cluster`: one S3 server and one bucket for all of its files. The content of each server has a prefix of its own. */
export default async function provide(project: TestProject): Promise<() => Promise<void>> {
  const { variables, createBucket, remove } = await startS3()
  project.provide('s3', { bucket: await createBucket(), variables })
  return remove
}
