/**
 * Whether a name matches a glob, as Python's fnmatch has it but without character sets: `*` stands for any characters (dots and
 * slashes too), `?` for one. Takes time linear in practice and quadratic at worst: patterns come from clients, and the regular
 * expressions that libraries make of globs can be made to run for ever.
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
      // What follows the last star did not fit here: let the star take one character more.
      inGlob = star + 1
      resume += 1
      at = resume
    } else return false
  }
  while (glob[inGlob] === '*') inGlob += 1
  return inGlob === glob.length
}

/**
 * Returns a function that tells whether a name of a tensor or node matches a glob. `/` and `.` are alike, and a leading slash of either may
 * be left out: exporters write `layers.0.weight` and `/layers/0/MatMul`. Names that {@link matchesGlob} matches are matched here too.
 */
export function nameMatcher(glob: string): (name: string) => boolean {
  const pattern = globSpelling(glob)
  return name =>
    matchesGlob(pattern, globSpelling(name)) ||
    (name.startsWith('/') && matchesGlob(pattern, name.replaceAll('/', '.')))
}

/** The spelling that all names share which globs do not tell apart: with dots for slashes, and without a leading slash. */
export function globSpelling(name: string): string {
  return (name.startsWith('/') ? name.slice(1) : name).replaceAll('/', '.')
}
