import type { JobProgress } from '../../schemas/job.ts'

const width = 30

/** Shows how far a search is: one line that changes in a terminal, a line every now and then elsewhere. */
export function progressBar(label: string): { show(progress: JobProgress): void; end(text: string): void } {
  const live = process.stdout.isTTY
  const write = (text: string) => void process.stdout.write(live ? `\r\x1b[K${text}` : `${text}\n`)
  return {
    show({ done, total, message, best, secondsLeft }) {
      const filled = Math.round((width * done) / total)
      const left = secondsLeft === null || secondsLeft === undefined ? '' : `, ${Math.ceil(secondsLeft)} s left`
      const bar = `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`
      write(`  ${label} ${bar} ${message}, best ${best?.toFixed(3) ?? '-'}${left}`)
    },
    end(text) {
      write(`  ${label} ${text}`)
      if (live) process.stdout.write('\n')
    },
  }
}
