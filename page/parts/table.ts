import type { ComponentChildren } from 'preact'
import { html } from '../markup.ts'

/** A column. `isMinor`: hidden on narrow screens. `isNumber`: aligned to the right. */
export type TableColumn = { title: ComponentChildren; isMinor?: boolean; isNumber?: boolean }

type Rows = {
  caption: string
  columns: readonly TableColumn[]
  rows: readonly { key: string; cells: readonly ComponentChildren[] }[]
}

/** A table that scrolls by itself where the screen is too narrow. The first cell of each row names it. */
export function Table({ caption, columns, rows }: Rows) {
  const classOf = ({ isMinor, isNumber }: TableColumn = { title: '' }) =>
    [isMinor && 'minor', isNumber && 'number'].filter(Boolean).join(' ')
  return html`<div class="table" role="region" aria-label=${caption} tabindex="0">
    <table>
      <caption class="hidden">${caption}</caption>
      <thead>
        <tr>${columns.map(column => html`<th scope="col" class=${classOf(column)}>${column.title}</th>`)}</tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ key, cells }) =>
            html`<tr key=${key}>${cells.map((cell, index) => html`<td class=${classOf(columns[index])}>${cell}</td>`)}</tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

/** Names and values, one below the other. Values that are undefined are left out. */
export function Facts({ facts }: { facts: Readonly<Record<string, ComponentChildren>> }) {
  const shown = Object.entries(facts).filter(([, value]) => value !== undefined && value !== null && value !== false)
  return html`<dl class="facts">
    ${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`
}

/** Labels of a record. */
export function Labels({ labels }: { labels: Readonly<Record<string, string>> }) {
  return html`${Object.entries(labels).map(([key, value]) => html`<span class="label">${key}: ${value}</span> `)}`
}
