import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { outcomeOf } from '../support/catalogue.ts'
import { descriptionOf, inspectSource } from '../support/inspecting.ts'
import { mutations } from '../support/mutations.ts'
import { perturbed } from '../support/perturbed.ts'
import { stopwatch } from '../support/processor-time.ts'
import { runSeed, seededRandom } from '../support/random.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'
import { digest, selfSoup, soupInMemory } from '../support/soup.ts'

/** What the manifest says of a file; `onnxruntime` is "ok" or why it does not open it. */
type CorpusFile = { file: string; kind: string; sha256: string; ir_version?: number; onnxruntime: string }

const corpus = join(sharedDirectory, 'corpus')
const manifest: CorpusFile[] = existsSync(corpus) ? JSON.parse(readFileSync(join(corpus, 'manifest.json'), 'utf8')) : []
const files = [...new Map(manifest.map(each => [each.file, each])).values()].map(each => ({
  ...each,
  bytes: readFileSync(join(corpus, each.file)),
}))

/** Models that are refused today, each with its reason: this list may only become shorter. onnxruntime does not open them either. */
const refusedModels: Record<string, string> = {
  'forms/TensorRT__weightless.matmul.bf16.onnx': 'TUREEN_MODEL_MALFORMED: raw_data of 0 bytes where dims say 256',
  'forms/TensorRT__weightless.matmul.fp16.onnx': 'TUREEN_MODEL_MALFORMED: raw_data of 0 bytes where dims say 256',
  'forms/TensorRT__weightless.sparse.conv.onnx': 'TUREEN_MODEL_MALFORMED: raw_data of 0 bytes where dims say 4096',
  'forms/onnxruntime__corrupt-model.onnx': 'TUREEN_NOT_ONNX: a line of text',
}

const isImpostor = ({ file }: CorpusFile) => file.startsWith('bad/')

/** The code of the refusal of a file, or undefined if it can be read. */
function refusal(bytes: Uint8Array): string | undefined {
  const outcome = outcomeOf(() => inspectSource(memorySource(bytes)))
  return outcome instanceof TureenError ? outcome.code : undefined
}

function isExternal(bytes: Uint8Array): boolean {
  return readLayout(memorySource(bytes)).tensors.some(({ payload }) => payload.form === 'external')
}

describeShared('every file of the corpus', () => {
  test('is there, as the manifest says', () => {
    expect(files.length).toBeGreaterThan(150)
    for (const { file, sha256, bytes } of files) expect(digest(bytes), file).toBe(`sha256:${sha256}`)
  })

  test('is read, or refused with an error of the catalogue: what is no model as no model, models never', () => {
    const refused = files.flatMap(each => {
      const code = refusal(each.bytes)
      return code ? [{ ...each, code }] : []
    })
    expect(refused.filter(isImpostor).map(({ file, code }) => [file, code])).toEqual(
      files.filter(isImpostor).map(({ file }) => [file, 'TUREEN_NOT_ONNX']),
    )
    const models = refused.filter(each => !isImpostor(each))
    expect(models.map(({ file, code }) => `${file} ${code}`).sort()).toEqual(
      Object.entries(refusedModels)
        .map(([file, reason]) => `${file} ${reason.split(':')[0]}`)
        .sort(),
    )
    expect(models.filter(({ onnxruntime }) => onnxruntime === 'ok')).toEqual([])
  })

  test('is described with the IR version that the manifest names', () => {
    for (const { file, bytes, ir_version } of files) {
      if (refusal(bytes) !== undefined || ir_version === undefined) continue
      expect(descriptionOf(bytes).irVersion, file).toBe(ir_version)
    }
  })

  test('that can be read and holds its own weights comes out of a soup with itself byte for byte', () => {
    const compared = files.filter(({ bytes }) => refusal(bytes) === undefined && !isExternal(bytes))
    for (const { file, bytes } of compared) expect(selfSoup(bytes).equals(bytes), file).toBe(true)
    expect(compared.length).toBeGreaterThan(120)
  })

  test('that can be read takes the weights of another model wherever they stand, and keeps every other byte', () => {
    let changed = 0
    let beyondInitializers = 0
    for (const { file, bytes } of files) {
      if (refusal(bytes) !== undefined || isExternal(bytes)) continue
      const { other, paths } = perturbed(bytes)
      if (paths.length === 0) continue
      changed += 1
      beyondInitializers += paths.filter(path => !path.startsWith('graph.initializer[')).length
      const soup = soupInMemory([
        { bytes, weight: null },
        { bytes: other, weight: 1 },
      ])
      expect(soup.equals(other), file).toBe(true)
    }
    expect(changed).toBeGreaterThan(55)
    expect(beyondInitializers).toBeGreaterThan(50)
  })

  test('that can be read keeps all but its metadata in a soup with provenance', () => {
    for (const { file, bytes } of files) {
      if (refusal(bytes) !== undefined || isExternal(bytes)) continue
      const soup = soupInMemory([{ bytes, weight: 1 }], { provenance: true })
      const kept = bytes.includes('tureen.') || soup.subarray(0, bytes.byteLength).equals(bytes)
      expect(kept, file).toBe(true)
    }
  })

  test(`damaged (seed ${runSeed}) ends in a result or a refusal, at once`, () => {
    const random = seededRandom(runSeed)
    const small = files.filter(({ bytes }) => bytes.byteLength < 20_000)
    for (let index = 0; index < 1500; index += 1) {
      const { file, bytes } = random.pick(small)
      const name = random.pick(Object.keys(mutations))
      const damaged = mutations[name]?.(bytes, random) ?? bytes
      const elapsed = stopwatch()
      try {
        outcomeOf(() => inspectSource(memorySource(damaged)))
      } catch (error) {
        throw new Error(`${file} (${name}): ${damaged.toString('base64')}`, { cause: error })
      }
      expect(elapsed(), `${file} (${name})`).toBeLessThan(1000)
    }
  })

  test('checkpoints of one run make a soup: each weight lies between those of its inputs', () => {
    const directory = join(corpus, 'families/walker-checkpoints')
    const inputs = readdirSync(directory).map(file => ({ bytes: readFileSync(join(directory, file)), weight: 1 }))
    const soup = soupInMemory(inputs)
    const floatsIn = (model: Uint8Array) => {
      const source = memorySource(model)
      return readLayout(source).tensors.flatMap(({ dataType, path, payload }) => {
        if (dataType !== 1 || payload.form !== 'raw' || !path.startsWith('graph.initializer')) return []
        const bytes = new Uint8Array(payload.length)
        source.read(payload.offset, bytes)
        return [new Float32Array(bytes.buffer)]
      })
    }
    const all = inputs.map(({ bytes }) => floatsIn(bytes))
    const merged = floatsIn(soup)
    expect(merged.length).toBeGreaterThan(3)
    for (const [tensor, values] of merged.entries()) {
      values.forEach((value, at) => {
        const theirs = all.map(tensors => tensors[tensor]?.[at] ?? Number.NaN)
        if (value < Math.min(...theirs) || value > Math.max(...theirs))
          throw new Error(`tensor ${tensor}, element ${at}`)
      })
    }
  })
})
