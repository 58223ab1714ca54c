import { h, render } from 'preact'
import { App } from './app.ts'
import { learnToken } from './connection.ts'

/** Starts the page, in the document that the server sends for all views. */
const place = document.getElementById('page')
if (place) {
  place.replaceChildren()
  render(h(App, {}), place)
  void learnToken()
}
