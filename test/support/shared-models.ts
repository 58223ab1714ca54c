import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import onnxProto from 'onnx-proto'
import { TureenError } from '../../src/errors.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { externalLocations, type ModelFiles } from '../../src/onnx/external-data.ts'
import { buildNetwork } from '../../src/onnx/graph/build-network.ts'
import { fingerprintOf } from '../../src/onnx/graph/fingerprint.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { decodeSkeleton } from '../../src/onnx/skeleton.ts'
import { fingerprintOfBytes, layoutOf } from './inspecting.ts'
import { encodeModel } from './rich-model.ts'
import { sharedDirectory } from './shared.ts'

const corpus = join(sharedDirectory, 'corpus')

/** A model of the corpus with its external data. */
export type SharedModel = ModelFiles & { file: string; bytes: Uint8Array; fingerprint: string }

/** Returns all readable models of the corpus whose external data are present. */
export function sharedModels(): SharedModel[] {
  if (!existsSync(corpus)) return []
  const files = readdirSync(corpus, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.onnx'))
  return files.sort().flatMap(file => {
    const path = join(corpus, file)
    const bytes = readFileSync(path)
    const source = memorySource(bytes)
    try {
      const layout = readLayout(source)
      const locations = [...externalLocations(layout).keys()].map(location => ({
        location,
        path: join(dirname(path), location),
      }))
      if (locations.some(each => !existsSync(each.path))) return []
      const data = new Map(locations.map(each => [each.location, memorySource(readFileSync(each.path))]))
      const fingerprint = fingerprintOf(buildNetwork(layout, decodeSkeleton(layout), source), { source, data })
      return [{ file, bytes, source, data, fingerprint }]
    } catch (error) {
      if (error instanceof TureenError) return []
      throw error
    }
  })
}

/** Returns the single-file models of the corpus of at most `mostBytes` bytes that onnx-proto rewrites without a loss. */
export function rewritableModels(mostBytes: number): SharedModel[] {
  return sharedModels().filter(({ bytes, data }) => {
    if (bytes.byteLength > mostBytes || data.size > 0 || layoutOf(bytes).opaque.length > 0) return false
    return isRewritten(bytes)
  })
}

function isRewritten(bytes: Uint8Array): boolean {
  const again = encodeModel(onnxProto.onnx.ModelProto.decode(bytes))
  return fingerprintOfBytes(again) === fingerprintOfBytes(bytes)
}
