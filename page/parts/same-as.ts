import { h } from 'preact'
import { useState } from 'preact/hooks'
import type { Commands } from '../commands.ts'
import { html } from '../markup.ts'

/** The commands that do the same as a view or an action, behind a toggle. @param what the view or action, such as `this list` */
export function SameAs({ what, commands, isOpen = false }: { what: string; commands: Commands; isOpen?: boolean }) {
  const { curl, tureen } = commands
  return html`<details class="same-as" open=${isOpen}>
    <summary>The same as: commands for ${what}</summary>
    ${h(Command, { name: 'curl', text: curl })} ${tureen && h(Command, { name: 'tureen', text: tureen })}
  </details>`
}

function Command({ name, text }: { name: string; text: string }) {
  const [isCopied, setCopied] = useState(false)
  // Browsers have a clipboard only on https:// and on localhost.
  const clipboard: Clipboard | undefined = navigator.clipboard
  const copy = async () => {
    await clipboard.writeText(text)
    setCopied(true)
  }
  return html`<div class="command">
    <pre><code>${text}</code></pre>
    ${
      clipboard &&
      html`<button type="button" class="quiet" onClick=${copy} aria-label="Copy the command for ${name}">
        ${isCopied ? 'Copied' : 'Copy'}
      </button>`
    }
  </div>`
}
