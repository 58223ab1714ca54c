import type { TureenError } from '../../../errors.ts'
import type { CountedTargets } from '../metric.ts'
import { mismatch } from '../mismatch.ts'
import type { ClassCounts } from './class-counts.ts'
import { ClassNames } from './class-names.ts'
import type { TargetParameters } from './class-parameters.ts'
import { indexBelow, type Label } from './label.ts'

/** Stands for the class of a target that does not count. */
export const ignored = -1

/**
 * Reads the targets of one set as classes, and counts those that do not count. A value that the request lists in `classes` always counts.
 */
export class TargetClasses implements CountedTargets {
  /** The values that stand for the classes; undefined if the targets are class indices or labels themselves. */
  readonly names: ClassNames | undefined
  /** Value of the targets that do not count; null if all count. */
  readonly ignoreIndex: number | null
  readonly #isChosen: boolean
  readonly #ignoredClass: number | undefined
  #all = 0
  #ignored = 0
  #first: Label | undefined
  #isOneClass = true

  /** @param standard the `ignoreIndex` of a request that says none */
  constructor({ ignoreIndex, classes }: TargetParameters, standard: number) {
    this.names = classes && new ClassNames(classes)
    this.ignoreIndex = ignoreIndex === undefined ? standard : ignoreIndex
    this.#isChosen = ignoreIndex !== undefined
    this.#ignoredClass = this.names ? undefined : (this.ignoreIndex ?? undefined)
  }

  /** Counts a target. Returns its class, {@link ignored}, or undefined if it is none of the classes. @param classes number of classes */
  ofLabel(label: Label, classes: number): number | undefined {
    if (label === this.#ignoredClass) return this.#count(ignored)
    const index = this.names ? this.names.ofTarget(label) : indexBelow(classes, label)
    if (index !== undefined) return this.#count(index)
    return label === this.ignoreIndex ? this.#count(ignored) : undefined
  }

  /** Counts a target that is given by the index of its class. Returns the class, or {@link ignored}. */
  ofIndex(index: number): number {
    return this.#count(index === this.#ignoredClass ? ignored : index)
  }

  /** Counts a target that stands for itself. Returns false if it does not count. */
  counts(label: Label): boolean {
    if (label !== this.#ignoredClass) this.#see(label)
    else this.#count(ignored)
    return label !== this.#ignoredClass
  }

  /** Returns true if results leave out the class with this label or index: the ignored one. */
  leavesOut(label: Label): boolean {
    return label === this.#ignoredClass
  }

  /** Returns counts whose classes have the names that the request gives them, if it does. */
  named(counts: ClassCounts): ClassCounts {
    return this.names ? { ...counts, labels: this.names.labels } : counts
  }

  get total(): { all: number; ignored: number } {
    return { all: this.#all, ignored: this.#ignored }
  }

  /** The number of ignored targets in words; undefined if all targets count. */
  get note(): string | undefined {
    if (this.#ignored === 0) return undefined
    const why = this.#isChosen ? 'as requested' : 'which is ignored unless ignoreIndex says otherwise'
    return `${this.#share} are left out: their value is ${this.ignoreIndex}, ${why}`
  }

  /**
   * Checks that a score over the targets that count says something about the set. A request that chooses `ignoreIndex` may leave out any
   * number of targets, but of masks never all classes except one: a model that finds nothing would have the best score.
   *
   * @throws TureenError `TUREEN_METRIC_MISMATCH` if more than half of the targets are ignored, or if those that count are of one class
   */
  requireMost(metric: string, areMasks: boolean): void {
    if (this.#ignored === 0 || (this.#isChosen && !areMasks)) return
    const isMost = !this.#isChosen && 2 * this.#ignored > this.#all
    if (isMost || this.#isOneClass) throw this.#refusal(metric, isMost)
  }

  #refusal(metric: string, isMost: boolean): TureenError {
    const value = this.ignoreIndex
    const rest = this.#first === undefined ? 'none is left' : this.#isOneClass ? 'the others are of one class' : ''
    const found = [`${this.#share} have the value ${value}, which is ignored`, rest].filter(Boolean).join(', and ')
    const choices = [
      `"classes": ${this.#suggestedClasses} if ${value} stands for a class (all values, in the order of the classes)`,
      `"ignoreIndex": null if ${value} is itself the index or label of a class`,
      ...(isMost ? [`"ignoreIndex": ${value} to leave these targets out`] : []),
    ]
    return mismatch(metric, 'target', `${found}; say what they are: ${choices.join(', or ')}`, {
      expected: 'classes or ignoreIndex',
      actual: `${this.#ignored} of ${this.#all} targets ignored`,
    })
  }

  get #suggestedClasses(): string {
    if (this.names || !this.#isOneClass || typeof this.#first !== 'number') return '[...]'
    return JSON.stringify([this.#first, this.ignoreIndex ?? this.#first].sort((a, b) => a - b))
  }

  get #share(): string {
    return `${this.#ignored} of ${this.#all} targets`
  }

  #count(index: number): number {
    if (index === ignored) {
      this.#all += 1
      this.#ignored += 1
    } else this.#see(index)
    return index
  }

  #see(label: Label): void {
    this.#all += 1
    if (label === this.#first || !this.#isOneClass) return
    if (this.#first === undefined) this.#first = label
    else this.#isOneClass = false
  }
}
