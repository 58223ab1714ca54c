import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { projectRoot } from '../support/server.ts'

/** What the figures of a run depend on besides the code. `processors`: those that this process may use. */
export type Machine = {
  model: string
  processors: number
  memoryBytes: number
  platform: string
  kernel: string
  node: string
  onnxruntime: string
}

export function thisMachine(): Machine {
  const manifest = join(projectRoot, 'node_modules/onnxruntime-node/package.json')
  return {
    model: cpus()[0]?.model.trim() || 'a processor of unknown name',
    processors: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    kernel: release(),
    node: process.version,
    onnxruntime: z.object({ version: z.string() }).parse(JSON.parse(readFileSync(manifest, 'utf8'))).version,
  }
}

/** A machine in one line, for a table of figures. */
export function machineLine({ model, processors, memoryBytes, platform, kernel, node, onnxruntime }: Machine): string {
  const memory = `${(memoryBytes / 2 ** 30).toFixed(0)} GiB`
  return `${processors} x ${model}, ${memory}, ${platform} (${kernel}), Node ${node}, onnxruntime ${onnxruntime}`
}
