/** What an attribute is if a node does not give it. A float is as a file has it, in single precision. */
export type AttributeDefault =
  | { readonly i: number }
  | { readonly f: number }
  | { readonly s: string }
  | { readonly ints: readonly number[] }
  | { readonly strings: readonly string[] }

/**
 * Defaults by operator, attribute and the version of the domain from which on they hold; null from a version on in which the attribute
 * has no default.
 */
export type DefaultTable = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<number, AttributeDefault | null>>>>>
>
