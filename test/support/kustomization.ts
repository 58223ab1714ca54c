import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { projectFile, projectRoot } from './server.ts'

const generated = z.strictObject({
  name: z.string(),
  behavior: z.literal('merge').optional(),
  envs: z.array(z.string()).default([]),
  files: z.array(z.string()).default([]),
  options: z.strictObject({ disableNameSuffixHash: z.literal(true) }).optional(),
})
const kustomization = z.strictObject({
  apiVersion: z.enum(['kustomize.config.k8s.io/v1beta1', 'kustomize.config.k8s.io/v1alpha1']),
  kind: z.enum(['Kustomization', 'Component']),
  namespace: z.string().optional(),
  labels: z.array(z.unknown()).default([]),
  resources: z.array(z.string()).default([]),
  components: z.array(z.string()).default([]),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() })).default([]),
  patches: z
    .array(z.strictObject({ path: z.string(), target: z.strictObject({ kind: z.string(), name: z.string() }) }))
    .default([]),
  configMapGenerator: z.array(generated).default([]),
  secretGenerator: z.array(generated).default([]),
})

/** A folder for kustomize, with the files that it is made of. */
export type KustomizeFolder = z.infer<typeof kustomization> & {
  /** Paths of all files that the kustomization names, from its folder. */
  named: string[]
  /** Paths of all files in the folder, but the kustomization itself. */
  present: string[]
}

/** Reads a folder for kustomize. It refuses fields that this project does not use. */
export async function readKustomization(folder: string): Promise<KustomizeFolder> {
  const read = kustomization.parse(parse(String(await projectFile(join(folder, 'kustomization.yaml')))))
  const generators = [...read.configMapGenerator, ...read.secretGenerator]
  const named = [
    ...read.resources.filter(each => each.endsWith('.yaml')),
    ...read.patches.map(({ path }) => path),
    ...generators.flatMap(({ envs, files }) => [...envs, ...files.map(each => each.replace(/^.*=/, ''))]),
  ]
  const present = await readdir(join(projectRoot, folder), { recursive: true })
  return { ...read, named, present: present.filter(name => name !== 'kustomization.yaml') }
}

/** Returns the manifests in a file. */
export async function manifestsIn(file: string): Promise<unknown[]> {
  return parseAllDocuments(String(await projectFile(file))).map(document => {
    if (document.errors.length > 0) throw document.errors[0]
    return document.toJS()
  })
}
