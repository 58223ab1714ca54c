import type { Operand, Operator } from './network.ts'

/** Operators of ai.onnx with an optional last input that is added to the result, and the port of that input. */
const biasPorts: ReadonlyMap<string, string> = new Map([
  ['Conv', '2'],
  ['ConvTranspose', '2'],
  ['Gemm', '2'],
  ['LayerNormalization', '2'],
])

/** Returns the optional bias of an operator; undefined for other operators, and without a bias. */
export function optionalBias({ domain, opType, operands }: Operator): Operand | undefined {
  const port = domain === '' ? biasPorts.get(opType) : undefined
  const bias = port === undefined ? undefined : operands.find(operand => operand.port === port)
  return bias?.value ? bias : undefined
}
