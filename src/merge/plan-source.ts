import { elementComputer } from './element-computer.ts'
import type { LabelledFiles } from './merge-input.ts'
import type { MergePlan } from './merge-plan.ts'
import { planMemory } from './plan-memory.ts'
import { type PlanSource, plannedFiles } from './planned-files.ts'

/** Returns the files of a prepared merge by any method; see {@link plannedFiles}. */
export function planSource(plan: MergePlan, inputs: readonly LabelledFiles[], memory = planMemory()): PlanSource {
  return plannedFiles(plan, inputs, memory, elementComputer)
}
