import htm from 'htm'
import { type ComponentChildren, h } from 'preact'

const bound = htm.bind(h)

/** Returns the elements that a template describes. Components of the page go in as `h(Component, props)`, whose props are checked. */
export function html(strings: TemplateStringsArray, ...values: unknown[]): ComponentChildren {
  return bound(strings, ...values)
}

/** Returns the text of the field in which an event happened. */
export function textOf({ currentTarget: field }: Event): string {
  const isField = field instanceof HTMLInputElement || field instanceof HTMLSelectElement
  return isField ? field.value : ''
}

/** Returns a listener of a form that runs `act` in place of sending the form. */
export function onSubmit(act: () => void): (event: Event) => void {
  return event => {
    event.preventDefault()
    act()
  }
}
