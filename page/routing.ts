import { type ComponentChildren, h } from 'preact'
import { publicPath } from './place.ts'
import { sharedValue } from './store.ts'

/** The address of a view: its path below the public path, such as `/page/models`, and its query. */
export type ViewAddress = { path: string; query: URLSearchParams }

const present = (): ViewAddress => ({
  path: location.pathname.slice(publicPath.length),
  query: new URLSearchParams(location.search),
})

/** The address that the browser shows. */
export const address = sharedValue(present())

addEventListener('popstate', () => address.set(present()))

/** Returns the address of a view. @param path such as `/models`; the query leaves out what is undefined or empty */
export function viewUrl(
  path: string,
  query: Readonly<Record<string, string | readonly string[] | undefined>> = {},
): string {
  const parameters = new URLSearchParams()
  for (const [name, values] of Object.entries(query))
    for (const value of [values ?? []].flat()) if (value !== '') parameters.append(name, value)
  const text = parameters.toString()
  return `${publicPath}/page${path}${text && `?${text}`}`
}

/** Shows a view. The browser remembers the present one. @param url as {@link viewUrl} returns it */
export function visit(url: string): void {
  history.pushState(null, '', url)
  address.set(present())
  scrollTo(0, 0)
}

/** Props of {@link Link}: those of an `a`, with an address from {@link viewUrl}. */
type LinkProps = { href: string; children?: ComponentChildren; class?: string; 'aria-current'?: 'page' | undefined }

/** A link to a view. It changes the view without loading the page again. */
export function Link({ href, ...others }: LinkProps) {
  const onClick = (event: MouseEvent) => {
    // The browser opens another tab or window by itself.
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    visit(href)
  }
  return h('a', { href, onClick, ...others })
}
