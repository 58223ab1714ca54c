/**
 * Defaults of attributes with one element for each spatial axis, or for each input or output of Scan. No schema can
 * list them; here is the default of each element.
 *
 * Sources: ONNX's Operators.md and Changelog.md (https://github.com/onnx/onnx/tree/main/docs), onnxruntime's
 * ContribOperators.md (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md).
 */
type WindowedElements = Readonly<Record<string, number>>

const pool: WindowedElements = { pads: 0, strides: 1 }
const conv: WindowedElements = { ...pool, dilations: 1 }
const transposed: WindowedElements = { ...conv, output_padding: 0 }

const onnx: Readonly<Record<string, WindowedElements>> = {
  AveragePool: conv,
  Col2Im: conv,
  Conv: conv,
  ConvInteger: conv,
  ConvTranspose: transposed,
  DeformConv: conv,
  LpPool: conv,
  MaxPool: conv,
  MaxUnpool: pool,
  QLinearConv: conv,
  Scan: {
    directions: 0,
    scan_input_axes: 0,
    scan_input_directions: 0,
    scan_output_axes: 0,
    scan_output_directions: 0,
  },
}

const microsoft: Readonly<Record<string, WindowedElements>> = {
  ConvTransposeWithDynamicPads: { dilations: 1, output_padding: 0, strides: 1 },
  FusedConv: conv,
  MaxpoolWithMask: pool,
  NhwcConv: conv,
  NhwcFusedConv: conv,
  NhwcMaxPool: conv,
  QLinearAveragePool: pool,
  QLinearConv: conv,
}

const tables = new Map<string, ReadonlyMap<string, ReadonlyMap<string, number>>>(
  Object.entries({ '': onnx, 'com.microsoft': microsoft }).map(([domain, table]) => [
    domain,
    new Map(Object.entries(table).map(([opType, elements]) => [opType, new Map(Object.entries(elements))])),
  ]),
)

/**
 * True if a list equals the default of its attribute. Pads next to an auto_pad other than NOTSET contradict it, and are
 * never a default.
 */
export function isWindowDefault(
  domain: string,
  opType: string,
  attribute: string,
  values: readonly number[],
  autoPad = 'NOTSET',
): boolean {
  if (attribute === 'pads' && autoPad !== 'NOTSET') return false
  const element = tables.get(domain)?.get(opType)?.get(attribute)
  return element !== undefined && values.every(value => value === element)
}
