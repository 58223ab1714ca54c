import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { filesOf, mergeInputs } from '../../src/merge/merge-inputs.ts'
import type { PlanMemory } from '../../src/merge/plan-memory.ts'
import { planSource } from '../../src/merge/plan-source.ts'
import { checkedPlan } from '../../src/threads/checked-plan.ts'
import { closeInputs, openMerge } from '../../src/threads/open-inputs.ts'
import { writePlanned } from '../../src/threads/write-planned.ts'
import type { Contestant } from './harness.ts'
import type { MergeOrder } from './merge-process.ts'

/** Merges models into one file in this very thread, computed in a memory of the caller's choice. */
export function oneThreadMerge(
  name: string,
  models: () => Promise<MergeOrder['models']>,
  workspace: string,
  memory: PlanMemory,
): Contestant {
  const output = join(workspace, 'one-thread.onnx')
  return {
    name,
    description: 'indexed, matched, computed, written and hashed one after the other, no fsync',
    inputs: async () => (await models()).map(({ path }) => path),
    async run() {
      const weighted = (await models()).map(({ path, data, weight }, index) => ({
        label: `${index}`,
        sha256: `sha256:${index}`,
        weight,
        path,
        data,
      }))
      await rm(output, { force: true })
      const started = performance.now()
      const inputs = openMerge(mergeInputs(weighted))
      const files = filesOf(inputs)
      const { plan } = checkedPlan(inputs, defaultSettings)
      const hash = createHash('sha256')
      writePlanned(planSource(plan, files, memory), output, false, bytes => hash.update(bytes))
      hash.digest()
      closeInputs(files)
      return { seconds: (performance.now() - started) / 1000 }
    },
  }
}
