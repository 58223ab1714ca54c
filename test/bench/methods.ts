import { join } from 'node:path'
import { defaultSettings, type MergeSettings } from '../../src/merge/merge-input.ts'
import { methods, type RegisteredMethod } from '../../src/merge/methods/merge-method-registry.ts'
import { methodParameters } from '../../src/merge/methods/method-schema.ts'
import type { Bench, Comparison, Contestant } from './harness.ts'
import { mergingProcess } from './merging-process.ts'
import { writeResnetModels } from './resnet-models.ts'

/** Parameters of methods that must be given some, or that by default leave nothing to do; all others have their defaults. */
const parameters: Readonly<Record<string, Record<string, unknown>>> = {
  slerp: { t: 0.3 },
  nearswap: { t: 0.1 },
  wise_ft: { alpha: 0.3 },
  ties: { density: 0.2 },
  breadcrumbs: { density: 0.3 },
  breadcrumbs_ties: { density: 0.3 },
  dare_linear: { density: 0.5 },
  dare_ties: { density: 0.5 },
  della: { density: 0.5 },
  della_linear: { density: 0.5 },
  sce: { topk: 0.2 },
}

/** Methods that only add up are to take this many times what `linear` takes, those that order or draw elements twice as many. */
const [targetOfSums, targetOfChoices] = [3, 6]

/** Every method, beside the mean of the same files. */
export const methodsBench: Bench = {
  name: 'methods',
  async open(workspace, signal) {
    const merge = mergingProcess(signal)
    const paths = await writeResnetModels(workspace, 5, 'float32')
    const contestant = (method: RegisteredMethod): Contestant => {
      const models = paths.slice(0, Math.min(4, method.models.max ?? 4))
      const usesBase = method.base === 'required'
      const bases = usesBase ? paths.slice(4) : []
      const file = (path: string) => ({ path, data: [] })
      const [base] = bases.map(file)
      const settings: MergeSettings = {
        ...defaultSettings,
        method: method.name,
        parameters: methodParameters(method).parse(parameters[method.name] ?? {}),
        normalize: method.normalize,
        usesBase,
      }
      const output = join(workspace, 'merged.onnx')
      return {
        name: `${method.name} of ${models.length}`,
        description: `${method.formula}, of ${models.length} models${usesBase ? ' and a base' : ''}, as a job makes it`,
        inputs: async () => [...models, ...bases, ...(method.fisher ? models : [])],
        run: () =>
          merge({
            models: models.map(path => ({ ...file(path), weight: 1 })),
            ...(base ? { base } : {}),
            fishers: method.fisher ? models.map(file) : [],
            settings,
            output,
            durable: false,
          }),
      }
    }
    const linear = methods.get('linear')
    if (!linear) throw new Error('there is no method linear')
    const baseline = contestant(linear)
    const comparisons = [...methods.values()]
      .filter(method => method !== linear)
      .map((method): Comparison => {
        const chooses = method.needs.some(need => need !== 'gram')
        return {
          row: `methods/${method.name}`,
          what: 'models of 102 MB in float32, beside the mean of four',
          ours: contestant(method),
          baseline: () => baseline,
          target: chooses ? targetOfChoices : targetOfSums,
        }
      })
    return { about: ["methods: models with ResNet-50's shapes, at random"], comparisons, findings: () => [] }
  },
}
