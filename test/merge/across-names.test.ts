import { expect, test } from 'vitest'
import { readBytes } from '../../src/onnx/byte-source.ts'
import type { ModelFiles } from '../../src/onnx/external-data.ts'
import { leafElements } from '../../src/onnx/graph/leaf-values.ts'
import type { Leaf } from '../../src/onnx/graph/network.ts'
import { networkOfBytes } from '../support/inspecting.ts'
import { runModel } from '../support/run-model.ts'
import { describeShared } from '../support/shared.ts'
import { type SharedModel, sharedModels } from '../support/shared-models.ts'
import { soupOfIngredients } from '../support/soup-of-files.ts'

const words = sharedModels().filter(({ file }) => file.startsWith('families/wakeword-'))
const family = (name: string) => words.filter(({ file }) => file.includes(name))

function contentOf({ source }: ModelFiles): Buffer {
  return Buffer.from(readBytes(source, 0, source.byteLength))
}

/** The weights of a model in the order in which its outputs depend on them: a network's own, whatever the names are. */
function weightsOf(files: ModelFiles): { leaf: Leaf; values: Float32Array }[] {
  return networkOfBytes(contentOf(files))
    .leaves.filter(({ isWeight }) => isWeight)
    .map(leaf => {
      const elements = leafElements(leaf, files)
      return { leaf, values: new Float32Array(Uint8Array.from(readBytes(elements, 0, elements.byteLength)).buffer) }
    })
}

function mean(models: readonly SharedModel[]): ReturnType<typeof soupOfIngredients> {
  return soupOfIngredients(models.map(files => ({ files, weight: 1 })))
}

describeShared('soups of one network that two exporters gave other names', () => {
  const firstOf = (name: string): SharedModel => {
    const [first] = family(name)
    if (!first) throw new Error(`the family ${name} is missing`)
    return first
  }
  const ofBoth = () => [firstOf('wakeword-a'), firstOf('wakeword-b')] as const

  test.each([
    ['of the one exporter', family('wakeword-a')],
    ['of the other', family('wakeword-b')],
    ['of both, in the file of the one', [...family('wakeword-a'), ...family('wakeword-b')]],
    ['of both, in the file of the other', [...family('wakeword-b'), ...family('wakeword-a')]],
  ])('%s run in onnxruntime, with the inputs and outputs of the base', async (_, models) => {
    const [base] = models
    if (!base) throw new Error('there is no base')
    const run = await runModel(mean(models).files, 1)
    const own = await runModel(base, 1)
    if ('reason' in run || 'reason' in own) throw new Error(JSON.stringify([run, own]))
    expect(run.names).toEqual(own.names)
    expect(run.outputs).not.toEqual(own.outputs)
    expect(run.outputs.map(text => text.split(' ').slice(0, -1))).toEqual(
      own.outputs.map(text => text.split(' ').slice(0, -1)),
    )
  })

  test('have other names for a weight, their input and their nodes indeed', () => {
    const named = (model: SharedModel) => {
      const { leaves, inputs, operators } = networkOfBytes(model.bytes)
      const names = (some: readonly { name: string }[]) => some.map(({ name }) => name)
      return { weights: names(leaves), inputs: names(inputs), operators: names(operators) }
    }
    const [a, b] = ofBoth()
    const [ours, theirs] = [named(a), named(b)]
    expect(theirs.weights).not.toEqual(ours.weights)
    expect(theirs.inputs).not.toEqual(ours.inputs)
    expect(theirs.operators).not.toEqual(ours.operators)
  })

  test('hold in each tensor the mean of the tensors that stand in the same place', () => {
    const [a, b] = ofBoth()
    const [soup, ours, theirs] = [mean([a, b]).files, a, b].map(weightsOf)
    expect(soup?.length).toBeGreaterThan(4)
    expect(ours?.length).toBe(theirs?.length)
    soup?.forEach(({ leaf, values }, index) => {
      const [x, y] = [ours?.[index], theirs?.[index]]
      expect([x?.leaf.type, y?.leaf.type, x?.leaf.name]).toEqual([leaf.type, leaf.type, leaf.name])
      expect(values).toEqual(x?.values.map((value, at) => (value + (y?.values[at] ?? Number.NaN)) / 2))
    })
  })

  test('say that the names are others', () => {
    expect(mean(ofBoth()).warnings).toEqual([
      expect.stringMatching(/^model 1 has other names for \d+ of the weights/),
      expect.stringMatching(
        /^model 1 has other names for inputs, paired in the order of the files with the base's: .+ for .+/,
      ),
    ])
    expect(mean(family('wakeword-a').slice(0, 2)).warnings).toEqual([
      expect.stringMatching(/^model 1 has other names for inputs, paired in the order of the files/),
    ])
  })
})
