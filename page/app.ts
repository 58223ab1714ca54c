import { h } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { connection, enterToken } from './connection.ts'
import { html } from './markup.ts'
import { TokenForm } from './parts/token-form.ts'
import { UploadList } from './parts/upload-list.ts'
import { publicPath, serverVersion } from './place.ts'
import { address, Link, viewUrl } from './routing.ts'
import { ownToken, token, tokenRefusal } from './session.ts'
import { useShared } from './store.ts'
import { viewOf } from './views/view-of.ts'

const views = [
  ['/models', 'Models'],
  ['/jobs', 'Jobs'],
  ['/datasets', 'Data sets'],
  ['/usage', 'Usage'],
] as const

/** Milliseconds for which the page says that the server answers again. */
const newsMilliseconds = 15_000

/** The page: its navigation, the state of the connection, and the view that the address names. */
export function App() {
  const shown = useShared(address)
  const refusal = useShared(tokenRefusal)
  // Views ask what the token allows, so they are drawn again when that is known.
  useShared(ownToken)
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  useEffect(() => {
    const heading = main.current?.querySelector('h1')
    document.title = `${heading?.textContent ?? 'Tureen'} · Tureen`
    // Screen readers and the keyboard go on at the new view, not at the link that led there.
    if (!first.current) heading?.focus()
    first.current = false
  }, [shown.path])
  return html`<a class="skip" href="#main">Go to the content</a>
    <header>
      ${h(Link, { class: 'brand', href: viewUrl('/models') }, 'Tureen')}
      <nav aria-label="Views">
        ${views.map(([path, title]) => {
          const isCurrent = shown.path.startsWith(`/page${path}`)
          return h(Link, { key: path, href: viewUrl(path), 'aria-current': isCurrent ? 'page' : undefined }, title)
        })}
      </nav>
      ${h(TokenState, {})}
    </header>
    ${h(ConnectionState, {})} ${h(UploadList, {})}
    <main id="main" ref=${main} tabindex="-1">${refusal === undefined ? viewOf(shown) : h(TokenForm, { reason: refusal })}</main>
    <footer>
      Tureen ${serverVersion} · <a href="${publicPath}/docs">Documentation</a> · <a href="${publicPath}/docs/api">API</a>
    </footer>`
}

/** Whose token the page sends, and a button that forgets it. */
function TokenState() {
  const text = useShared(token)
  const own = useShared(ownToken)
  if (text === '') return null
  return html`<span class="token-state">
    ${own ? `Token ${own.name}, scope ${own.scope}` : 'Token'}
    ${' '}<button type="button" class="quiet" onClick=${() => enterToken('')}>Forget it</button>
  </span>`
}

/** Says that the server does not answer, and for a while that it does again. */
function ConnectionState() {
  const { isLost, since } = useShared(connection)
  const [isOld, setOld] = useState(false)
  useEffect(() => {
    setOld(false)
    const timer = setTimeout(() => setOld(true), newsMilliseconds)
    return () => clearTimeout(timer)
  }, [since])
  const isBack = !isLost && since !== undefined && !isOld
  return html`<div role="status" class=${isLost ? 'connection lost' : 'connection'}>
    ${
      isLost &&
      `The server has not answered since ${since?.toLocaleTimeString()}. What you see may be old. The page tries again every 2 seconds.`
    }
    ${isBack && html`<span class="back">The server answers again.</span>`}
  </div>`
}
