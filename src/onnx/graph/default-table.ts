/** The default value of an attribute. A float has single precision, as in a file. */
export type AttributeDefault =
  | { readonly i: number }
  | { readonly f: number }
  | { readonly s: string }
  | { readonly ints: readonly number[] }
  | { readonly strings: readonly string[] }

/**
 * Defaults by operator, attribute, and the first version of the domain that has them. Null if the attribute has no
 * default from that version on.
 */
export type DefaultTable = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<number, AttributeDefault | null>>>>>
>
