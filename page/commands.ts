import { serverUrl } from './place.ts'
import { token } from './session.ts'

/** Commands that do outside of the browser what a view or an action does. */
export type Commands = { curl: string; tureen?: string }

/** A request, as its command needs it. `json`: its body. `file`: name of the file to send. `output`: name of the file to write. */
type CommandRequest = { method?: 'POST' | 'DELETE'; json?: unknown; file?: string; output?: string; events?: true }

/** Returns a text as one word of a shell. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** Returns the command that sends a request with curl. @param path with its query, such as `/v1/models?limit=50` */
export function curlCommand(path: string, { method, json, file, output, events }: CommandRequest = {}): string {
  const words = ['curl --fail-with-body']
  if (events) words.push('--no-buffer')
  if (method !== undefined) words.push(`-X ${method}`)
  // The token itself is in no command, since commands end up in logs and in shared texts.
  if (token.get() !== '') words.push('-H "authorization: Bearer $TUREEN_TOKEN"')
  if (json !== undefined) words.push("-H 'content-type: application/json'", `-d ${shellWord(JSON.stringify(json))}`)
  if (file !== undefined) words.push(`-T ${shellWord(file)}`)
  if (output !== undefined) words.push(`-o ${shellWord(output)}`)
  return [...words, shellWord(serverUrl + path)].join(' ')
}

/** Returns the command that does the same with `tureen` on this server. Its token comes from TUREEN_TOKEN. */
export function tureenCommand(...words: readonly string[]): string {
  return ['tureen', ...words, '--server', serverUrl].map(shellWord).join(' ')
}
