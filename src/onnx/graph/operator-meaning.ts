import { type AttributeDefault, attributeDefault } from './attribute-defaults.ts'
import { operatorEpoch } from './operator-epochs.ts'
import { isWindowDefault } from './windowed-defaults.ts'

/** What an operator means: the epoch of its definition, and the attributes that are not what they are anyway. */
export type Meaning = { epoch: number; attributes: Map<string, string> }

const softmaxes: ReadonlySet<string> = new Set(['Hardmax', 'LogSoftmax', 'Softmax'])
/** Since then they work over one axis; before, over all from that axis on, which is the same for the last. */
const singleAxisSoftmax = 13

/**
 * @param attributes as text (see attribute-text.ts), by name
 * @param weight dims of the second operand if it is a tensor of the model
 */
export function operatorMeaning(
  domain: string,
  opType: string,
  version: number,
  attributes: ReadonlyMap<string, string>,
  weight: readonly number[] | undefined,
): Meaning {
  const autoPad = /^string "(.*)"$/.exec(attributes.get('auto_pad') ?? '')?.[1]
  const isDefault = (name: string, text: string): boolean => {
    const value = attributeDefault(domain, opType, version, name)
    if (value !== undefined && text === defaultText(value)) return true
    const list = listOf(text)
    if (list === undefined) return false
    if (name === 'kernel_shape' && weight && takesKernelFromWeight.has(opType))
      return list.join() === weight.slice(2).join()
    return isWindowDefault(domain, opType, name, list, autoPad)
  }
  const given = [...attributes].filter(([name, text]) => !isDefault(name, text))
  const meaning = {
    epoch: operatorEpoch(domain, opType, version),
    attributes: new Map(given.sort(([a], [b]) => (a < b ? -1 : 1))),
  }
  if (domain === '' && softmaxes.has(opType) && meaning.attributes.get('axis') === 'int -1') {
    meaning.attributes.delete('axis')
    meaning.epoch = singleAxisSoftmax
  }
  return meaning
}

const takesKernelFromWeight: ReadonlySet<string> = new Set(['Conv', 'ConvInteger', 'ConvTranspose', 'FusedConv'])

function listOf(text: string): number[] | undefined {
  const items = /^ints \[(.*)\]$/.exec(text)?.[1]
  if (items === undefined) return undefined
  return items === '' ? [] : items.split(', ').map(Number)
}

function defaultText(value: AttributeDefault): string {
  if ('i' in value) return `int ${value.i}`
  if ('f' in value) return `float ${Object.is(value.f, -0) ? '-0' : value.f}`
  if ('s' in value) return `string ${JSON.stringify(value.s)}`
  if ('ints' in value) return `ints [${value.ints.join(', ')}]`
  return `strings [${value.strings.map(item => JSON.stringify(item)).join(', ')}]`
}
