import { type DatasetContent, datasetDigest, type NewDataset } from '../../src/datasets/dataset-records.ts'
import type { NewModel } from '../../src/models/insert-model.ts'
import { sha256 } from './http-client.ts'

const digestOf = (text: string) => `sha256:${sha256(Buffer.from(text))}`

type Naming = Partial<Pick<NewModel, 'name' | 'labels' | 'expiresAt'>>

/** Values of a model record whose content is this text. @param data locations of its external data, all of them present */
export function newModel(content: string, naming: Naming = {}, data: readonly string[] = []): NewModel {
  const file = (location: string) => ({ location, sha256: digestOf(`${content}${location}`), bytes: 5_000_000_000 })
  const inspected = {
    bytes: 5_000_000_000,
    irVersion: 8,
    producer: null,
    opsets: [{ domain: '', version: 17 }],
    inputs: [],
    outputs: [],
    parameters: 1,
    tensorCount: 1,
    dtypes: {},
    externalData: [...data],
    dataBytes: data.map(() => 1),
    fingerprint: digestOf('fingerprint'),
  }
  const files = ['', ...data].map(file)
  return { files, inspected, name: null, labels: {}, recipe: null, expiresAt: null, ...naming }
}

/** Values of a data set record of files with these names. */
export function newDataset(names: readonly string[], naming: Naming = {}): NewDataset {
  const files: DatasetContent[] = names.map(name => ({ name, sha256: digestOf(name), bytes: 3 }))
  const description: NewDataset['description'] = { kind: 'npz', samples: 2, arrays: [] }
  return { sha256: datasetDigest(files), files, description, name: null, labels: {}, expiresAt: null, ...naming }
}
