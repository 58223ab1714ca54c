import { documentedTypeSlots } from '../generated/documented-type-slots.ts'

/** Returns the version of ai.onnx that introduced an operator; 1 for an operator that ONNX does not document. */
export function introducedIn({ domain, opType }: { domain: string; opType: string }): number {
  const versions = domain === '' && Object.hasOwn(documentedTypeSlots, opType) ? documentedTypeSlots[opType] : undefined
  return versions ? Math.min(...Object.keys(versions).map(Number)) : 1
}
