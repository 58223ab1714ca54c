import { attributeDefault } from './attribute-defaults.ts'
import { attributeString, integersOf } from './attribute-text.ts'
import type { AttributeDefault } from './default-table.ts'
import { isKnownOpset } from './known-opsets.ts'
import { operatorEpoch } from './operator-epochs.ts'
import { isWindowDefault } from './windowed-defaults.ts'

/** The meaning of an operator: the epoch of its definition, and the attributes that differ from their defaults. */
export type Meaning = { epoch: number; attributes: Map<string, string> }

/** The empty Map that operators without attributes share: a network may have some hundred thousand of them. Nothing may be added to it. */
export const noAttributes = new Map<string, string>()

const softmaxes: ReadonlySet<string> = new Set(['Hardmax', 'LogSoftmax', 'Softmax'])
/**
 * From this version on these operators work over one axis. Before, they worked over all axes from `axis` on, which is
 * the same for the last axis.
 */
const singleAxisSoftmax = 13

/** An operator as a file writes it under a version of its operator set. */
export type WrittenOperator = {
  domain: string
  opType: string
  version: number
  /** Attributes as text (see attribute-text.ts), by name. */
  attributes: ReadonlyMap<string, string>
  /** The number of outputs that the node declares. */
  outputs: number
  /** Dims of the second operand if it is a tensor of the model. */
  weight: readonly number[] | undefined
}

/**
 * Returns the meaning of an operator. It is equal for two operators that compute the same, however their files write
 * it. For a version that Tureen does not know, all attributes count as written.
 */
export function operatorMeaning({ domain, opType, version, attributes, outputs, weight }: WrittenOperator): Meaning {
  const isDefault = (name: string, text: string): boolean => {
    const value = attributeDefault(domain, opType, version, name)
    if (value !== undefined && text === defaultText(value)) return true
    const list = integersOf(text)
    if (list === undefined) return false
    if (name === 'kernel_shape' && weight && takesKernelFromWeight.has(opType))
      return list.join() === weight.slice(2).join()
    return isWindowDefault(domain, opType, name, list, attributeString(attributes, 'auto_pad'))
  }
  const isKnown = isKnownOpset(domain, version)
  const meaning = { epoch: operatorEpoch(domain, opType, version), attributes: noAttributes }
  if (attributes.size > 0) {
    const given = [...attributes].filter(([name, text]) => !isKnown || !isDefault(name, text))
    if (given.length > 0) meaning.attributes = new Map(given.sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  if (!isKnown) return meaning
  if (domain === '' && softmaxes.has(opType) && meaning.attributes.get('axis') === 'int -1') {
    meaning.attributes.delete('axis')
    meaning.epoch = singleAxisSoftmax
  }
  if (domain === '' && opType === 'BatchNormalization' && isInference(version, attributes, outputs)) {
    for (const name of trainingOnly) meaning.attributes.delete(name)
    meaning.epoch = batchNormsSayTraining
  }
  return meaning
}

/** From this version on, an absent is_test means nothing, and one output means inference. */
const batchNormsSayTraining = 7

/**
 * Attributes that the inference of a BatchNormalization does not read: y = (x - mean) / sqrt(var + epsilon) * scale +
 * B.
 */
const trainingOnly = ['consumed_inputs', 'is_test', 'momentum'] as const

/**
 * True if a BatchNormalization normalises by its stored statistics. ONNX's Changelog.md: from version 14 on unless
 * training_mode is 1; from 7 to 13 with one output; before 7 with is_test 1. Inference does not read `momentum`.
 */
function isInference(version: number, attributes: ReadonlyMap<string, string>, outputs: number): boolean {
  if (version >= 14) return (attributes.get('training_mode') ?? 'int 0') === 'int 0'
  return version >= 7 ? outputs === 1 : attributes.get('is_test') === 'int 1'
}

const takesKernelFromWeight: ReadonlySet<string> = new Set(['Conv', 'ConvInteger', 'ConvTranspose', 'FusedConv'])

function defaultText(value: AttributeDefault): string {
  if ('i' in value) return `int ${value.i}`
  if ('f' in value) return `float ${Object.is(value.f, -0) ? '-0' : value.f}`
  if ('s' in value) return `string ${JSON.stringify(value.s)}`
  if ('ints' in value) return `ints [${value.ints.join(', ')}]`
  return `strings [${value.strings.map(item => JSON.stringify(item)).join(', ')}]`
}
