import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import onnxProto from 'onnx-proto'
import ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import type { OutputDtype } from '../../schemas/merge.ts'
import { float16Tensor } from '../../src/evaluate/child/tensors.ts'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { externalModel, type ModelInFiles } from '../support/external-model.ts'
import { elementType, linearModel } from '../support/onnx-model.ts'
import { initializerBytes, tensorsOf } from '../support/onnx-oracle.ts'
import { projectRoot } from '../support/server.ts'
import { soupInMemory } from '../support/soup.ts'
import { soupOfIngredients } from '../support/soup-of-files.ts'

const { ModelProto } = onnxProto.onnx

describe('weights stored otherwise', () => {
  const typed = (values: number[], packed: boolean) =>
    linearModel(values, [1, 2], ({ graph }) => {
      const floatData = packed ? values : []
      graph.initializer?.splice(0, 1, { name: 'W', dims: [2, 2], dataType: 1, floatData })
    })

  test('as typed data, which becomes raw_data', () => {
    const models = [typed([1, 2, 3, 4], true), typed([3, 4, 5, 1 / 3], true)].map(bytes => ({ bytes, weight: 1 }))
    const soup = soupInMemory(models, { outputDtype: 'float16' })
    const W = ModelProto.decode(soup).graph?.initializer?.[0]
    expect(W).toMatchObject({ dataType: 10, floatData: [] })
    expect([...new Float16Array(Uint8Array.from(W?.rawData ?? []).buffer)]).toEqual([
      ...Float16Array.of(2, 3, 4, (4 + Math.fround(1 / 3)) / 2),
    ])
  })

  test.each(['typed', 'raw'])('as float16, %s, to float64: exactly the mean', storage => {
    const [a, b] = ['a', 'b'].map(name =>
      readFileSync(join(projectRoot, `test/fixtures/numerics/float16-${storage}-${name}.onnx`)),
    )
    if (!a || !b) throw new Error('no fixtures')
    const soup = soupInMemory(
      [a, b].map(bytes => ({ bytes, weight: 1 })),
      { outputDtype: 'float64' },
    )
    const halves = (bytes: Uint8Array, name: string) =>
      new Float16Array(Uint8Array.from(initializerBytes(bytes, name)).buffer)
    const tensors = tensorsOf(soup).filter(({ dataType }) => dataType === elementType.float64)
    expect(tensors.length).toBeGreaterThan(0)
    for (const { name } of tensors) {
      const [x, y] = [halves(a, name), halves(b, name)]
      const means = Array.from(x, (value, index) =>
        Object.is(value, y[index]) ? value : (value + (y[index] ?? 0)) / 2,
      )
      expect([...new Float64Array(Uint8Array.from(initializerBytes(soup, name)).buffer)]).toEqual(means)
    }
  })

  const filesOf = ({ main, data }: ModelInFiles) => ({
    source: memorySource(main),
    data: new Map(Object.entries(data).map(([location, bytes]) => [location, memorySource(bytes)])),
  })
  const inOneFile = {
    W: { location: 'w.bin', offset: 4096, length: 16 },
    b: { location: 'w.bin', offset: 4112, length: 8 },
  }
  const outside = (dtype: OutputDtype, inline: boolean) => {
    const models = [externalModel([1, 2, 3, 4], [5, 6], inOneFile), externalModel([3, 4, 5, 7], [7, 9], inOneFile)]
    const { files } = soupOfIngredients(
      models.map(model => ({ files: filesOf(model), weight: 1 })),
      { outputDtype: dtype, inline },
    )
    const main = readBytes(files.source, 0, files.source.byteLength)
    const data = [...files.data].map(([path, file]) => ({ path, data: readBytes(file, 0, file.byteLength) }))
    return { main, data }
  }
  const run = async ({ main, data }: ReturnType<typeof outside>, x: ort.Tensor) => {
    const session = await ort.InferenceSession.create(main, { externalData: data, logSeverityLevel: 4 })
    const { y } = await session.run({ x })
    return Array.from(y?.data ?? [], Number)
  }

  test('in a file beside the model, which is written anew with other places', async () => {
    const soup = outside('float64', false)
    expect(soup.data.map(({ data }) => data.byteLength)).toEqual([32 + 16])
    expect(await run(soup, new ort.Tensor('float64', Float64Array.of(1, 10), [1, 2]))).toEqual([
      2 + 40 + 6,
      3 + 55 + 7.5,
    ])
    const half = outside('float16', false)
    expect(half.data.map(({ data }) => data.byteLength)).toEqual([16 + 4])
    expect(await run(half, float16Tensor(new Uint16Array(Float16Array.of(1, 10).buffer), [1, 2]))).toEqual([48, 65.5])
  })

  test('in a file beside the model, put inside', async () => {
    const soup = outside('float16', true)
    expect(soup.data).toEqual([])
    expect(await run(soup, float16Tensor(new Uint16Array(Float16Array.of(1, 10).buffer), [1, 2]))).toEqual([48, 65.5])
  })
})
