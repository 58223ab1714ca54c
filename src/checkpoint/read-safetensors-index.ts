import { type ByteSource, readBytes } from '../onnx/byte-source.ts'
import type { ModelFiles } from '../onnx/external-data.ts'
import type { Layout, TensorEntry } from '../onnx/layout.ts'
import { limitExceeded } from '../onnx/limit-exceeded.ts'
import { limits } from '../onnx/model-limits.ts'
import { checkpointLayout } from './checkpoint-layout.ts'
import { checkpointLimits } from './checkpoint-limits.ts'
import { jsonScanner } from './json-scanner.ts'
import { readSafetensorsHeader, type StoredTensor } from './safetensors-header.ts'
import {
  checkpointTooLarge,
  inShard,
  malformedCheckpoint,
  shownName,
  unsupportedCheckpoint,
} from './unreadable-checkpoint.ts'

/** The tensors of a shard by key, with the texts of its header. */
type SafetensorsShard = { tensors: ReadonlyMap<string, StoredTensor>; metadata: ReadonlyMap<string, string> }

/**
 * Indexes a checkpoint in several safetensors files by its index (`model.safetensors.index.json`), which names the file of each tensor.
 *
 * @param data the shards that are present, by the names that the index has for them. Tensors of other shards have no type and no elements yet
 * @throws TureenError `TUREEN_CHECKPOINT_MALFORMED`, `TUREEN_CHECKPOINT_UNSUPPORTED`, `TUREEN_MODEL_LIMIT`
 */
export function readSafetensorsIndex(source: ByteSource, data: ModelFiles['data']): Layout {
  const files = readWeightMap(source)
  const shards = new Map<string, SafetensorsShard>()
  let stored = 0
  for (const location of new Set(files.values())) {
    const file = data.get(location)
    if (!file) continue
    const shard = readShard(file, location)
    stored += shard.tensors.size
    if (stored > limits.tensors) throw limitExceeded('tensors', 'tensors')
    shards.set(location, shard)
  }
  const tensors = [...files].map(([key, location], index) => {
    const shard = shards.get(location)
    return shard ? entryIn(shard, key, location, index) : missingEntry(key, location, index)
  })
  // Writers put the same texts into every shard.
  const metadata = shards.values().next().value?.metadata ?? new Map()
  const ignored = [...shards.values()].flatMap(shard => [...shard.tensors.keys()].filter(key => !files.has(key)))
  return checkpointLayout(source.byteLength, tensors, {
    format: 'safetensors-index',
    root: '',
    roots: [''],
    metadata,
    ignored: ignored.slice(0, mostIgnored).map(shownName),
  })
}

/** Most keys of shards without a place in the index that an answer lists. */
const mostIgnored = 100

/** Returns the file of each tensor. */
function readWeightMap(source: ByteSource): Map<string, string> {
  if (source.byteLength > checkpointLimits.indexBytes) throw checkpointTooLarge('indexBytes', 'bytes in its index')
  const json = jsonScanner(readBytes(source, 0, source.byteLength), 'index')
  const files = new Map<string, string>()
  let isThere = false
  json.object('a key of the index', field => {
    if (field !== 'weight_map') return json.skip('a value')
    isThere = true
    json.object('the name of a tensor', key => {
      if (files.size >= limits.tensors) throw limitExceeded('tensors', 'tensors')
      if (Buffer.byteLength(key) > limits.textBytes) throw limitExceeded('textBytes', 'bytes in the name of a tensor')
      files.set(key, json.text('the name of a file'))
    })
  })
  json.end()
  if (!isThere) throw malformedCheckpoint('has an index without weight_map')
  requireShards(new Set(files.values()))
  return files
}

function requireShards(locations: ReadonlySet<string>): void {
  if (locations.size > checkpointLimits.shards) throw checkpointTooLarge('shards', 'shards')
  for (const location of locations) {
    const shown = shownName(location)
    if (location === '' || location.length > limits.locationCharacters)
      throw malformedCheckpoint(
        `names a shard ${shown || 'without a name'} of ${location.length} characters in its index`,
      )
    if (!/\.(bin|pt|pth)$/.test(location)) continue
    throw unsupportedCheckpoint(
      `is in shards of PyTorch, such as ${shown}; only those of safetensors are read`,
      'Save it as safetensors: `model.save_pretrained("FOLDER", safe_serialization=True)`, or post one file of torch.save.',
      { location: shown },
    )
  }
}

/** Reads the header of a shard. @throws TureenError naming the shard */
function readShard(file: ByteSource, location: string): SafetensorsShard {
  try {
    const { tensors, metadata } = readSafetensorsHeader(file)
    return { tensors: new Map(tensors.map(tensor => [tensor.key, tensor])), metadata }
  } catch (error) {
    throw inShard(error, location)
  }
}

function entryIn(shard: SafetensorsShard, key: string, location: string, index: number): TensorEntry {
  const stored = shard.tensors.get(key)
  const tensor = shownName(key)
  if (!stored)
    throw malformedCheckpoint(`names the tensor ${tensor} in the shard ${shownName(location)}, which lacks it`, {
      tensor,
      location,
    })
  const { dataType, dims, elements, start, end } = stored
  const payload = { form: 'external' as const, location, offset: start, length: end - start, fields: [] }
  return { name: key, path: `tensor[${index}]`, frame: -1, dataType, dims, elements, payload }
}

/** Returns the entry of a tensor whose shard is not here yet. Only its location is known. */
function missingEntry(key: string, location: string, index: number): TensorEntry {
  const payload = { form: 'external' as const, location, offset: 0, length: 0, fields: [] }
  return { name: key, path: `tensor[${index}]`, frame: -1, dataType: 0, dims: [], elements: 0, payload }
}
