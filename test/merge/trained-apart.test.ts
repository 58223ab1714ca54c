import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { comparePair } from '../../src/merge/compare-pair.ts'
import { comparisonWarnings } from '../../src/merge/comparison-warnings.ts'
import { networkOf } from '../../src/merge/match-inputs.ts'
import type { IndexedInput } from '../../src/merge/merge-input.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { float32Tensor, linearModel } from '../support/onnx-model.ts'
import { projectRoot } from '../support/server.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'
import { soupOfFiles } from '../support/soup.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** A row of a Hadamard matrix: any two of them are orthogonal. */
const row = (index: number, elements: number) =>
  Array.from({ length: elements }, (_, place) => {
    let bits = index & place
    let sign = 1
    for (; bits > 0; bits >>= 1) if (bits & 1) sign = -sign
    return sign
  })

type Part = { dims: number[]; values: number[] }

/** A chain of products and sums with weights of these shapes. */
function chain(parts: readonly Part[]): Bytes {
  return linearModel([1, 2, 3, 4], [0, 0], ({ graph }) => {
    graph.initializer = parts.map(({ dims, values }, index) => float32Tensor(`w${index}`, dims, values))
    graph.node = parts.map((_, index) => {
      const input = [index === 0 ? 'x' : `h${index}`, `w${index}`]
      return { opType: 'Mul', input, output: [index === parts.length - 1 ? 'y' : `h${index + 1}`] }
    })
  })
}

const matrix = (index: number, size = 32): Part => ({ dims: [size, size], values: row(index, size * size) })
const constant = (value: number, dims: number[]): Part => {
  return { dims, values: new Array<number>(dims.reduce((product, dim) => product * dim, 1)).fill(value) }
}

function indexed(bytes: Uint8Array, label: string): IndexedInput {
  const source = memorySource(bytes)
  return { source, layout: readLayout(source), data: new Map(), label, sha256: `sha256:${label}` }
}

function warningsOfComparison(a: Uint8Array, b: Uint8Array): string[] {
  const [first, second] = [indexed(a, 'a'), indexed(b, 'b')]
  const comparison = comparePair(first, second, () => {})
  return comparisonWarnings(comparison, networkOf(first), first.layout).map(({ message }) => message)
}

const input = (bytes: Uint8Array, label: string) => ({ bytes, label, weight: 1 })
const warningsOfMerge = (a: Uint8Array, b: Uint8Array) => soupOfFiles([input(a, 'a'), input(b, 'b')]).report.warnings

const apart = /look independently trained/

describe('networks that were trained apart', () => {
  test.each<[string, Part[], Part[]]>([
    ['large constants are the same in both', [constant(50, [64, 64])], [constant(50, [64, 64])]],
    ['norms of [1, n] are nearly the same', [constant(90, [1, 32])], [constant(91, [1, 32])]],
    ['one matrix of large norm is nearly the same', [constant(90, [64, 64])], [constant(91, [64, 64])]],
  ])('are told of although %s', (_, ours, theirs) => {
    const [a, b] = [
      chain([matrix(1), ...ours, matrix(2), matrix(3)].slice(0, 4)),
      chain([matrix(4), ...theirs, matrix(5), matrix(6)].slice(0, 4)),
    ]
    expect(warningsOfComparison(a, b)).toContainEqual(expect.stringMatching(apart))
    expect(warningsOfMerge(a, b)).toContainEqual(expect.stringMatching(apart))
  })

  test('are told of by the median cosine, how many matrices there are, and the three lowest', () => {
    const mixed = row(1, 1024).map((value, place) => value + (row(2, 1024)[place] ?? 0) / 8)
    const [a, b] = [
      chain([matrix(1), matrix(1), matrix(1), matrix(1)]),
      chain([{ dims: [32, 32], values: mixed }, matrix(2), matrix(3), matrix(4)]),
    ]
    const [warning] = warningsOfComparison(a, b)
    expect(warning).toContain('the median cosine of the 4 weight matrices that differ is 0.000')
    expect(warning).toContain('lowest: w1 0.000, w2 0.000, w3 0.000)')
    expect(warningsOfMerge(a, b)).toContainEqual(`a and b: ${warning}`)
  })

  test('are counted where there are several', () => {
    const models = [1, 2, 3].map(index => input(chain([matrix(index), matrix(index + 3)]), `m${index}`))
    const warnings = soupOfFiles(models).report.warnings.filter(each => apart.test(each))
    expect(warnings).toEqual([expect.stringMatching(/^2 of 2 pairs, such as m1 and m2: these look/)])
  })

  test('are measured against the base whose changes are merged', () => {
    const models = [1, 1, 2].map((index, place) => input(chain([matrix(index), matrix(index + 3)]), `m${place}`))
    const [base, tuned, other] = models.map((model, place) => ({ ...model, sha256: `sha256:${place}` }))
    if (!base || !tuned || !other) throw new Error('there are three')
    const settings = { method: 'task_arithmetic', parameters: { lambda: 1 }, normalize: false, usesBase: true, base: 2 }
    const { warnings } = soupOfFiles([tuned, other, { ...base, weight: null }], settings).report
    expect(warnings.filter(each => apart.test(each))).toEqual([expect.stringMatching(/^m0 and m2: these look/)])
  })
})

describe('no warning', () => {
  test('where all but a few matrices agree', () => {
    const [a, b] = [4, 5].map(index => {
      const slightly = row(1, 1024).map((value, place) => value + (row(index, 1024)[place] ?? 0) / 4)
      const tuned = { dims: [32, 32], values: slightly }
      return chain([tuned, tuned, tuned, matrix(index)])
    })
    if (!a || !b) throw new Error('there are two')
    for (const warnings of [warningsOfComparison(a, b), warningsOfMerge(a, b)])
      expect(warnings.filter(each => apart.test(each))).toEqual([])
  })

  test('where there are too few elements to tell', () => {
    const [a, b] = [chain([matrix(1, 8), matrix(2, 8)]), chain([matrix(3, 8), matrix(4, 8)])]
    expect(warningsOfComparison(a, b)).toEqual([])
    expect(warningsOfMerge(a, b)).toEqual([])
  })

  test('about real fine-tunes of one network', () => {
    const [first, ...others] = Array.from({ length: 8 }, (_, index) =>
      readFileSync(join(projectRoot, `examples/digits/ft${index}.onnx`)),
    )
    if (!first) throw new Error('there are eight')
    for (const other of others) expect(warningsOfComparison(first, other)).toEqual([])
    const { warnings } = soupOfFiles([first, ...others].map((bytes, index) => input(bytes, `ft${index}`))).report
    expect(warnings).toEqual([])
  })
})

describe('a merge says what the comparison of its models says', () => {
  const normalised = (mean: number) =>
    linearModel([1, 2, 3, 4], [0, 0], ({ graph }) => {
      const names = ['scale', 'shift', 'mean', 'variance']
      graph.node?.push({ opType: 'BatchNormalization', input: ['y', ...names], output: ['z'] })
      graph.initializer?.push(...names.map(name => float32Tensor(name, [2], name === 'mean' ? [mean, 1] : [1, 1])))
      for (const output of graph.output ?? []) output.name = 'z'
    })

  test('of statistics of batch normalisation, unless a rule keeps them or they are measured anew', () => {
    const [a, b] = [normalised(0), normalised(1)]
    const said = expect.stringMatching(/^a and b: 1 running means and variances of batch normalisation differ/)
    expect(warningsOfMerge(a, b)).toEqual([said])
    expect(warningsOfComparison(a, b)).toEqual([expect.stringContaining('1 running means')])
    const models = [input(a, 'a'), input(b, 'b')]
    expect(soupOfFiles(models, { rules: [{ match: 'mean', skip: true }] }).report.warnings.join()).not.toContain(
      'batch',
    )
    const recalibrate = { dataset: `sha256:${'0'.repeat(64)}` }
    expect(soupOfFiles(models, { recalibrate }).report.warnings).toEqual([])
  })

  test('of a network of one operator', () => {
    const [a, b] = [2, 3].map(value => chain([{ dims: [2], values: [value, value] }]))
    if (!a || !b) throw new Error('there are two')
    for (const warnings of [warningsOfComparison(a, b), warningsOfMerge(a, b)])
      expect(warnings).toEqual([
        expect.stringContaining('the network has one operator, so unrelated models match it as well'),
      ])
  })
})

describeShared('pairs of real networks', () => {
  const family = (name: string) => {
    const directory = join(sharedDirectory, name)
    const files = existsSync(directory) ? readdirSync(directory).filter(file => file.endsWith('.onnx')) : []
    return files.map(file => readFileSync(join(directory, file)))
  }
  const pairsOf = (models: readonly Uint8Array[]) =>
    models.flatMap((a, index) => models.slice(index + 1).map(b => [a, b] as const))
  const isApart = (warnings: readonly string[]) => warnings.some(each => apart.test(each))

  test.each(['corpus/families/acas', 'corpus/families/silero-micro', 'corpus/families/wakeword-a'])(
    'of %s were trained apart',
    name => {
      for (const [a, b] of pairsOf(family(name))) {
        expect(isApart(warningsOfComparison(a, b))).toBe(true)
        expect(isApart(warningsOfMerge(a, b))).toBe(true)
      }
    },
  )

  test.each(['corpus/families/walker-checkpoints', 'fixtures/digits', 'cases/rules-anonymous'])(
    'of %s have one start',
    name => {
      for (const [a, b] of pairsOf(family(name))) {
        expect(isApart(warningsOfComparison(a, b))).toBe(false)
        expect(isApart(warningsOfMerge(a, b))).toBe(false)
      }
    },
  )

  test('weights that are inputs are not averaged, which the merge tells', () => {
    const [model] = family('cases/weights-as-inputs')
    if (!model) throw new Error('the case is gone')
    const { warnings } = soupOfFiles([input(model, 'a'), { ...input(model, 'b'), sha256: 'sha256:copy' }]).report
    expect(warnings).toContainEqual(expect.stringMatching(/^Nothing was averaged: .*inputs/))
  })
})
