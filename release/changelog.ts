/** One version's part of a changelog in the form of Keep a Changelog 1.1 (https://keepachangelog.com/en/1.1.0/). */
export type Section = Readonly<{ version: string; date: string | undefined; text: string }>

const heading = /^## \[?([^\]\s]+)\]?(?: - (\d{4}-\d{2}-\d{2}))?$/

/** The parts of a changelog in their order; "Unreleased" is a version here. Text before the first heading is left out. */
export function changelogSections(changelog: string): Section[] {
  const sections: { version: string; date: string | undefined; lines: string[] }[] = []
  for (const line of changelog.split('\n')) {
    const [, version, date] = heading.exec(line) ?? []
    if (version !== undefined) sections.push({ version, date, lines: [] })
    else sections.at(-1)?.lines.push(line)
  }
  return sections.map(({ version, date, lines }) => ({ version, date, text: lines.join('\n').trim() }))
}
