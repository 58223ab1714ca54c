/**
 * Which floating-point types operators take, and which of their inputs and outputs have one type, by the version from which
 * on it holds. `ab>a dfh,f`: two inputs and an output; the output has the type of the first input, which may be float64 (d), float32
 * (f) or float16 (h; bfloat16 is b), and the second is always float32. `-` is never a float, `+` repeats the one before it. A letter
 * without types is a float of none of these four (8 bits, say). Empty: types that cannot be followed.
 */
export type OperatorSignatures = Readonly<Record<string, Readonly<Record<number, string>>>>
