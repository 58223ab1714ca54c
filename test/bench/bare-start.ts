import { warmUp } from '../../src/evaluate/child/warm-up.ts'

/** The least that the start of an evaluator can take: Node, onnxruntime, and one session that runs y = x. Prints the seconds of processor time. */
await warmUp()
const { user, system } = process.cpuUsage()
process.stdout.write(String((user + system) / 1e6))
