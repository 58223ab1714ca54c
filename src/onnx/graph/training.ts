import type { ModelProto } from '../onnx-proto.ts'
import type { Value } from './network.ts'
import { declaredDims, defineInitializers, type NetworkScope, openScope } from './network-scope.ts'
import { type Resolver, resolve } from './resolve.ts'

type TrainingBinding = { key?: string | null; value?: string | null }

/**
 * Returns the outputs of a model's graphs for training. Then follow, for each binding, the tensor that it sets and the
 * new value. These graphs read values of the model's own graph.
 */
export function trainingOutputs(
  resolver: Resolver,
  main: NetworkScope,
  trainingInfo: ModelProto['trainingInfo'],
): (Value | null)[] {
  const outputs: (Value | null)[] = []
  trainingInfo.forEach((info, index) => {
    const open = (field: 'initialization' | 'algorithm'): NetworkScope => {
      const graph = info[field]
      if (!graph) return main
      const path = `training_info[${index}].${field}`
      const { opsets } = main
      const values = { path, outer: main, depth: 0, opsets, call: null, around: [], declared: declaredDims(graph) }
      const scope = openScope(values, graph.node ?? [])
      defineInitializers(scope, graph, path, resolver.leaves)
      for (const { name } of graph.output ?? []) outputs.push(resolve(resolver, scope, name ?? ''))
      return scope
    }
    const [initialization, algorithm] = [open('initialization'), open('algorithm')]
    const bind = (bindings: readonly TrainingBinding[] | null | undefined, scope: NetworkScope) => {
      for (const { key, value } of bindings ?? [])
        outputs.push(resolve(resolver, algorithm, key ?? ''), resolve(resolver, scope, value ?? ''))
    }
    bind(info.initializationBinding, initialization)
    bind(info.updateBinding, algorithm)
  })
  return outputs
}
