import { indexBelow, type Label } from './label.ts'

/**
 * The values that stand for the classes in a data set, in the order of the class indices: all integers, or all texts. With texts, integers
 * are class indices.
 */
export class ClassNames {
  readonly labels: readonly Label[]
  readonly areTexts: boolean
  readonly #indices: ReadonlyMap<Label, number>

  /** @param labels different values, at least two */
  constructor(labels: readonly Label[]) {
    this.labels = labels
    this.areTexts = typeof labels[0] === 'string'
    this.#indices = new Map(labels.map((label, index) => [label, index]))
  }

  get size(): number {
    return this.labels.length
  }

  /** Returns the class of a value of the data set; undefined if it has none. */
  ofTarget(label: Label): number | undefined {
    return this.areTexts && typeof label === 'number' ? this.ofIndex(label) : this.ofValue(label)
  }

  /** Returns the class that a value stands for; undefined if none. */
  ofValue(label: Label): number | undefined {
    return this.#indices.get(label)
  }

  /** Returns the class with this index; undefined if there is none. */
  ofIndex(label: Label): number | undefined {
    return indexBelow(this.size, label)
  }

  /** The values for messages, the first eight of them. */
  toString(): string {
    const shown = this.labels.slice(0, 8).map(label => JSON.stringify(label))
    return `[${[...shown, ...(this.size > shown.length ? [`... ${this.size} in all`] : [])].join(', ')}]`
  }
}
