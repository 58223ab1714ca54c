/** The name of a class in the model and the data set. */
export type Label = number | string

/** Returns a label as the index of one of `classes` classes; undefined if it is none. */
export function indexBelow(classes: number, label: Label): number | undefined {
  return typeof label === 'number' && Number.isInteger(label) && label >= 0 && label < classes ? label : undefined
}
