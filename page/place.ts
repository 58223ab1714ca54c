const meta = (name: string) => document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? ''

/** Prefix of all addresses of the server, such as `/tureen`; empty if there is none. */
export const publicPath = meta('tureen-path')

/** Version of the server that sent the page. */
export const serverVersion = meta('tureen-version')

/** URL of the server, as commands outside of the browser need it. */
export const serverUrl = location.origin + publicPath
