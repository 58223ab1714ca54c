import { insertExport } from '../../src/exports/export-records.ts'
import { insertModel } from '../../src/models/insert-model.ts'
import type { Catalog } from '../../src/storage/database.ts'

/** Inserts the record of a model without content. @param digit of its digest */
async function insertBareModel(catalog: Catalog, digit: string) {
  const sha256 = `sha256:${digit.repeat(64)}`
  const inspected = {
    bytes: 1,
    irVersion: 8,
    producer: null,
    opsets: [],
    inputs: [],
    outputs: [],
    parameters: 0,
    tensorCount: 0,
    dtypes: {},
    externalData: [],
    dataBytes: [],
    fingerprint: null,
  }
  const files = [{ location: '', sha256, bytes: 1 }]
  const id = await insertModel(catalog, { files, inspected, name: null, labels: {}, recipe: null, expiresAt: null })
  return { id, name: null, sha256 }
}

/** Inserts an export of two models without content. @returns its id, and that of the ONNX model */
export async function insertBareExport(
  catalog: Catalog,
  { name, correspondence }: { name: string; correspondence: string },
): Promise<{ id: string; model: string }> {
  const [model, checkpoint] = [await insertBareModel(catalog, 'a'), await insertBareModel(catalog, 'b')]
  const counts = { weights: 0, unmatched: 0, ambiguous: 0, shared: 0, numbers: 0, unused: 0 }
  const description = { model, checkpoint, prefix: { drop: '', add: '' }, counts, warnings: [] }
  const made = { description, correspondence, name, labels: { of: name }, expiresAt: null }
  return { id: await insertExport(catalog, made), model: model.id }
}
