/** The worst score that a candidate may have: a number, or a score that may be missed by `margin`, 0 or more. */
export type Threshold = number | { of: 'base' | 'best'; margin: number }
