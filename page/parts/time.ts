import { html } from '../markup.ts'

/** A time as the user's clock shows it; a dash for null. @param time as RFC 3339 writes it */
export function timeOf(time: string | null) {
  return time === null ? '–' : html`<time datetime=${time}>${new Date(time).toLocaleString()}</time>`
}
