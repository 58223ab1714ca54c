import { documentedOpsets } from '../generated/operator-documents.ts'

/**
 * The newest version of each operator set that Tureen knows, by domain; '' is ai.onnx. com.microsoft has only version
 * 1.
 */
const newestOpsets: ReadonlyMap<string, number> = new Map(Object.entries({ ...documentedOpsets, 'com.microsoft': 1 }))

/** Returns the newest version of an operator set that Tureen knows; 0 for an unknown domain. */
export function newestOpset(domain: string): number {
  return newestOpsets.get(domain) ?? 0
}

/**
 * True if Tureen knows the meaning of the operators of a version of a domain. Everything that depends on versions ends
 * with the newest known one: epochs, defaults, types, dims, and operators that replace each other. Beyond it, two
 * operators of one version are equal if they are written alike; operators of different versions are never equal. Rules
 * for all versions also hold there: parameter slots, operands in any order, an omitted bias of zeros, roles of axes.
 */
export function isKnownOpset(domain: string, version: number): boolean {
  return version <= newestOpset(domain)
}
