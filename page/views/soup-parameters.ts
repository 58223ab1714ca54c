import { html, textOf } from '../markup.ts'

/** A parameter of a merge method, as the page offers it: a number, one of some texts, or true and false. */
export type ParameterField = {
  name: string
  description: string
  kind: 'number' | 'choice'
  options: readonly string[]
  initial: string
  isRequired: boolean
}

/**
 * Returns the parameters of a merge method that the page offers, from their JSON Schema. Parameters of other kinds, such as a list with one
 * value for each model, are left to requests.
 */
export function parameterFields(schema: Readonly<Record<string, unknown>>): ParameterField[] {
  const { properties, required }: { properties?: unknown; required?: unknown } = schema
  const isRequired = (name: string) => Array.isArray(required) && required.includes(name)
  return Object.entries(Object(properties)).flatMap(([name, value]): ParameterField[] => {
    const { type, enum: choices, default: initial, description = '' }: Record<string, unknown> = Object(value)
    const variants: unknown = Reflect.get(Object(value), 'anyOf')
    const types = [type, ...(Array.isArray(variants) ? variants.map(each => Reflect.get(Object(each), 'type')) : [])]
    const field = {
      name,
      description: String(description),
      initial: initial === undefined ? '' : String(initial),
      isRequired: isRequired(name) && initial === undefined,
    }
    if (Array.isArray(choices)) return [{ ...field, kind: 'choice', options: choices.map(String) }]
    if (types.includes('boolean')) return [{ ...field, kind: 'choice', options: ['true', 'false'] }]
    if (types.includes('number') || types.includes('integer')) return [{ ...field, kind: 'number', options: [] }]
    return []
  })
}

/** Returns the parameters that a user has entered, as a request has them. Fields that were left alone keep their default. */
export function parametersOf(
  fields: readonly ParameterField[],
  texts: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const entered = fields.flatMap(({ name, kind, options }): [string, unknown][] => {
    const text = texts[name] ?? ''
    if (text === '') return []
    if (kind === 'number') return [[name, Number(text)]]
    return [[name, options.includes('true') ? text === 'true' : text]]
  })
  return Object.fromEntries(entered)
}

type FieldProps = { field: ParameterField; text: string; onText: (text: string) => void }

/** The field of one parameter. */
export function ParameterInput({ field, text, onText }: FieldProps) {
  const { name, description, kind, options, initial, isRequired } = field
  const change = (event: Event) => onText(textOf(event))
  const hint = `parameter-${name}`
  return html`<div class="field">
    <label>
      ${name}
      ${
        kind === 'choice'
          ? html`<select value=${text} required=${isRequired} onChange=${change} aria-describedby=${hint}>
              <option value="">${isRequired ? 'choose one' : `default${initial && ` (${initial})`}`}</option>
              ${options.map(option => html`<option value=${option}>${option}</option>`)}
            </select>`
          : html`<input type="number" step="any" value=${text} required=${isRequired} placeholder=${initial} onInput=${change} aria-describedby=${hint} />`
      }
    </label>
    <span class="faint" id=${hint}>${description}</span>
  </div>`
}
