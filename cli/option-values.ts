import { UsageMistake } from './mistakes.ts'

/** Returns a list of numbers such as 2,3. @param option the name of the option, such as --weights */
export function readNumbers(option: string, text: string): number[] {
  const numbers = text.split(',').map(each => (each.trim() === '' ? Number.NaN : Number(each)))
  if (numbers.every(Number.isFinite)) return numbers
  throw new UsageMistake(`${option} ${text}: must be numbers with commas between them, such as 2,3.`)
}

/** Returns a whole number from 1 on. */
export function readWholeNumber(option: string, text: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= 1) return number
  throw new UsageMistake(`${option} ${text}: must be a whole number from 1 on.`)
}

/** Returns a weight: a finite number above 0. @param given the option as it was given, such as --data val.npz:2 */
export function readWeight(given: string, text: string): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isFinite(number) && number > 0) return number
  throw new UsageMistake(`${given}: the weight ${text} must be a number above 0, such as 0.5.`)
}

/** Returns settings such as density=0.5 as a map. A value that is JSON is read as JSON, any other is a text. */
export function readSettings(option: string, texts: readonly string[] = []): Record<string, unknown> {
  return Object.fromEntries(readPairs(option, texts).map(([name, value]) => [name, readValue(value)]))
}

/** Returns settings such as image=pixels as a map of texts. */
export function readTexts(option: string, texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(readPairs(option, texts))
}

/** Returns a time such as 2026-11-30 or 2026-11-30T08:00:00Z as the HTTP API has it; undefined without one. Without a zone it is in UTC. */
export function readTime(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)
  const hasZone = /(Z|[+-]\d\d:\d\d)$/.test(text.slice(10))
  const time = new Date(hasZone || text.length === 10 ? text : `${text}Z`)
  if (isTime && !Number.isNaN(time.getTime())) return time.toISOString()
  throw new UsageMistake(`${option} ${text}: must be a time such as 2026-11-30 or 2026-11-30T08:00:00Z.`)
}

/** Returns labels such as run=42 as a map. A colon in place of the equals sign is how the HTTP API writes them. */
export function readLabels(option: string, texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    texts.map(text => {
      const [, key, value] = /^([^=:]+)[=:](.*)$/s.exec(text) ?? []
      if (key === undefined || value === undefined)
        throw new UsageMistake(`${option} ${text}: must be KEY=VALUE, such as run=42.`)
      return [key, value]
    }),
  )
}

function readPairs(option: string, texts: readonly string[]): [string, string][] {
  return texts.map(text => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
    if (name === undefined || value === undefined)
      throw new UsageMistake(`${option} ${text}: must be NAME=VALUE, such as density=0.5.`)
    return [name, value]
  })
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Returns a scoring metric: its name, or a JSON object with its name and parameters. */
export function readMetric(text: string): string | { name: string } {
  if (!text.startsWith('{')) return text
  const metric = readValue(text)
  if (typeof metric === 'object' && metric !== null && 'name' in metric && typeof metric.name === 'string')
    return { ...metric, name: metric.name }
  throw new UsageMistake(`--metric ${text}: must be a name, or JSON such as {"name": "topK", "k": 3}.`)
}
