/** The name of a class in the model and the data set. */
export type Label = number | string
