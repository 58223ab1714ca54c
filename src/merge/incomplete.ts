import { TureenError } from '../errors.ts'

/** @throws TureenError `TUREEN_MODEL_INCOMPLETE` if a model's external data is not here */
export function requireComplete(label: string, missing: readonly string[]): void {
  if (missing.length === 0) return
  const message = `lacks its external data: ${missing.join(', ')}`
  throw new TureenError(
    'TUREEN_MODEL_INCOMPLETE',
    `The model ${label} ${message}. Save it with its weights inside the file (onnx.save(model, path, save_as_external_data=False)) and upload that.`,
    missing.map(location => ({ model: label, message: `the external data ${location} is missing` })),
  )
}
