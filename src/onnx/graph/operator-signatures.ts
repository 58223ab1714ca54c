/**
 * Floating-point types of operators, and which inputs and outputs share a type, by the first version that has them.
 *
 * `ab>a dfh,f` is an operator with two inputs and one output. The output has the type of the first input, which may be
 * float64 (d), float32 (f) or float16 (h; bfloat16 is b). The second input is always float32. `-` is never a float; `+`
 * repeats the letter before it. A letter without types is a float of none of these four (of 8 bits, say). An empty text
 * means types that cannot be followed.
 */
export type OperatorSignatures = Readonly<Record<string, Readonly<Record<number, string>>>>
