import type { Operand, Operator } from './network.ts'

/** Operators of ai.onnx whose last input is added to the result and may be left out, and the port of that input. */
const biasPorts: ReadonlyMap<string, string> = new Map([
  ['Conv', '2'],
  ['ConvTranspose', '2'],
  ['Gemm', '2'],
  ['LayerNormalization', '2'],
])

/** The bias of an operator that may be left out, if the operator has one; undefined for other operators and without one. */
export function optionalBias({ domain, opType, operands }: Operator): Operand | undefined {
  const port = domain === '' ? biasPorts.get(opType) : undefined
  const bias = port === undefined ? undefined : operands.find(operand => operand.port === port)
  return bias?.value ? bias : undefined
}
