import { documentedOpsets } from '../generated/operator-documents.ts'

/** The newest version of each operator set that Tureen knows, by domain; '' is ai.onnx. com.microsoft has had version 1 alone. */
const newestOpsets: ReadonlyMap<string, number> = new Map(Object.entries({ ...documentedOpsets, 'com.microsoft': 1 }))

/** The newest version of an operator set that Tureen knows; 0 for an unknown domain. */
export function newestOpset(domain: string): number {
  return newestOpsets.get(domain) ?? 0
}

/**
 * Whether Tureen knows what the operators of a version of a domain mean. All that depends on versions ends with the newest known one:
 * epochs, defaults, types, dims, and operators that stand for each other. Beyond it two operators of one version are one if they are written
 * alike, and two of different versions are not. What holds in all versions also holds there: parameter slots, operands in any order, a bias of
 * zeros that is left out, roles of axes.
 */
export function isKnownOpset(domain: string, version: number): boolean {
  return version <= newestOpset(domain)
}
