import { z } from 'zod'

const { $ZodArray, $ZodDiscriminatedUnion, $ZodObject, $ZodPipe, $ZodRecord, $ZodUnion } = z.core
const { $ZodDefault, $ZodNonOptional, $ZodNullable, $ZodOptional, $ZodPrefault, $ZodReadonly } = z.core

type Schema = z.core.$ZodType
type Choice = z.core.$ZodUnion | z.core.$ZodPipe
type Excess = z.core.$ZodIssueTooBig

/** Returns the first excess in a value. The path is the place of the value, and is unchanged after the call. */
type Counter = (value: unknown, path: PropertyKey[]) => Excess | undefined

/**
 * Returns the first list or map in a value with more entries than its schema allows; undefined if there is none. It only counts entries,
 * and checks nothing else.
 */
export function excessIn(schema: Schema, value: unknown): Excess | undefined {
  return counterOf(schema)?.(value, [])
}

/** Counters by schema; undefined for a schema in which nothing is counted. */
const counters = new WeakMap<Schema, Counter | undefined>()

function counterOf(schema: Schema): Counter | undefined {
  if (!counters.has(schema)) counters.set(schema, newCounter(withoutWrapping(schema)))
  return counters.get(schema)
}

function newCounter(schema: Schema): Counter | undefined {
  if (schema instanceof $ZodArray) return listCounter(schema)
  if (schema instanceof $ZodObject) return objectCounter(schema)
  if (schema instanceof $ZodRecord) return mapCounter(schema)
  return isChoice(schema) ? choiceCounter(schema) : undefined
}

function listCounter(schema: z.core.$ZodArray): Counter | undefined {
  const maximum = maximumItems(schema)
  const element = counterOf(schema._zod.def.element)
  if (maximum === undefined && !element) return undefined
  return (value, path) => {
    if (!Array.isArray(value)) return undefined
    if (isExceeded(maximum, value.length)) return tooMany('array', value.length, maximum, path)
    for (let index = 0; element && index < value.length; index += 1) {
      const excess = inside(element, value[index], index, path)
      if (excess) return excess
    }
    return undefined
  }
}

function maximumItems(schema: z.core.$ZodArray): number | undefined {
  const checks = schema._zod.def.checks ?? []
  const maxima = checks.flatMap(check => (check instanceof z.core.$ZodCheckMaxLength ? [check._zod.def.maximum] : []))
  return maxima.length > 0 ? Math.min(...maxima) : undefined
}

function mapCounter(schema: z.core.$ZodRecord): Counter | undefined {
  const maximum = z.globalRegistry.get(schema)?.['maxProperties']
  const entry = counterOf(schema._zod.def.valueType)
  if (maximum === undefined && !entry) return undefined
  return (value, path) => {
    if (!isObject(value)) return undefined
    const keys = Object.keys(value)
    if (isExceeded(maximum, keys.length)) return tooMany('record', keys.length, maximum, path)
    for (const key of entry ? keys : []) {
      const excess = entry && inside(entry, Reflect.get(value, key), key, path)
      if (excess) return excess
    }
    return undefined
  }
}

function objectCounter(schema: z.core.$ZodObject): Counter | undefined {
  const fields = Object.entries(schema._zod.def.shape).flatMap(([key, field]) => {
    const counter = counterOf(field)
    return counter ? [{ key, counter }] : []
  })
  if (fields.length === 0) return undefined
  return (value, path) => {
    if (!isObject(value)) return undefined
    for (const { key, counter } of fields) {
      const excess = inside(counter, Reflect.get(value, key), key, path)
      if (excess) return excess
    }
    return undefined
  }
}

/** Returns the counter of a union or pipe: a value has an excess only if it has one in every form that fits it. */
function choiceCounter(schema: Choice): Counter | undefined {
  const forms = (schema instanceof $ZodPipe ? [schema._zod.def.in] : schema._zod.def.options).map(form => ({
    form,
    takes: withoutWrapping(form),
    counter: counterOf(form),
  }))
  if (forms.every(({ counter }) => !counter)) return undefined
  return (value, path) => {
    if (typeof value !== 'object' || value === null) return undefined
    let first: Excess | undefined
    for (const { form, takes, counter } of forms) {
      if (!mayBe(takes, value) || !isNamed(schema, form, value)) continue
      const excess = counter?.(value, path)
      if (!excess) return undefined
      first ??= excess
    }
    return first
  }
}

/** True if a list or object has the type of a schema. */
function mayBe(schema: Schema, value: object): boolean {
  if (isChoice(schema)) return true
  return Array.isArray(value)
    ? schema instanceof $ZodArray
    : schema instanceof $ZodObject || schema instanceof $ZodRecord
}

/** True if the object's discriminator names this option, or if the union has no discriminator. */
function isNamed(schema: Choice, option: Schema, value: object): boolean {
  if (!(schema instanceof $ZodDiscriminatedUnion)) return true
  const { discriminator } = schema._zod.def
  return option._zod.propValues?.[discriminator]?.has(Reflect.get(value, discriminator)) ?? false
}

function inside(counter: Counter, value: unknown, key: PropertyKey, path: PropertyKey[]): Excess | undefined {
  path.push(key)
  const excess = counter(value, path)
  path.pop()
  return excess
}

/** Returns the schema without its wrappers for optional, nullable and default values. */
export function withoutWrapping(schema: Schema): Schema {
  const isWrapping =
    schema instanceof $ZodOptional ||
    schema instanceof $ZodNullable ||
    schema instanceof $ZodDefault ||
    schema instanceof $ZodPrefault ||
    schema instanceof $ZodNonOptional ||
    schema instanceof $ZodReadonly
  return isWrapping ? withoutWrapping(schema._zod.def.innerType) : schema
}

function isChoice(schema: Schema): schema is Choice {
  return schema instanceof $ZodUnion || schema instanceof $ZodPipe
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isExceeded(maximum: unknown, count: number): maximum is number {
  return typeof maximum === 'number' && count > maximum
}

function tooMany(origin: 'array' | 'record', count: number, maximum: number, path: readonly PropertyKey[]): Excess {
  const message = `has ${count} entries, and may have ${maximum} at most; send fewer`
  return { code: 'too_big', origin, maximum, inclusive: true, path: [...path], message }
}
