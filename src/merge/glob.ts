/**
 * True if a name matches a glob, as in Python's fnmatch without character sets: `*` stands for any characters
 * (including dots and slashes), `?` for one. Takes time linear in practice and quadratic at worst. Patterns come from
 * clients, and the regular expressions that libraries make of globs can run for ever.
 */
export function matchesGlob(glob: string, name: string): boolean {
  let at = 0
  let inGlob = 0
  let star = -1
  let resume = 0
  while (at < name.length) {
    const wanted = glob[inGlob]
    if (wanted === '*') {
      star = inGlob
      resume = at
      inGlob += 1
    } else if (wanted !== undefined && (wanted === '?' || wanted === name[at])) {
      at += 1
      inGlob += 1
    } else if (star >= 0) {
      // The text after the last star did not fit here: let the star take one more character.
      inGlob = star + 1
      resume += 1
      at = resume
    } else return false
  }
  while (glob[inGlob] === '*') inGlob += 1
  return inGlob === glob.length
}

/**
 * Returns a function that returns true if a name of a tensor or node matches a glob. `/` and `.` are alike, and a
 * leading one may be left out: exporters write `layers.0.weight` and `/layers/0/MatMul`. Every name that {@link
 * matchesGlob} matches is also matched here.
 */
export function nameMatcher(glob: string): (name: string) => boolean {
  const pattern = globSpelling(glob)
  return name =>
    matchesGlob(pattern, globSpelling(name)) ||
    (name.startsWith('/') && matchesGlob(pattern, name.replaceAll('/', '.')))
}

/**
 * Returns the common spelling of names that globs do not distinguish: with dots for slashes, and without a leading
 * slash.
 */
export function globSpelling(name: string): string {
  return (name.startsWith('/') ? name.slice(1) : name).replaceAll('/', '.')
}
