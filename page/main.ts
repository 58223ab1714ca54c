import { h, render } from 'preact'
import { App } from './app.ts'
import { learnToken } from './connection.ts'

/** Starts the page, in the document that the server sends for all views. */
function start(): void {
  const place = document.getElementById('page')
  if (!place) return
  place.replaceChildren()
  render(h(App, {}), place)
  void learnToken()
}

// Loading the modules is a task of its own, so that no task is long.
setTimeout(start)
