/** The part that an array plays in an evaluation, as its name tells. `beside`: an identifier, a name, a weight or a fold of a sample. */
export type ArrayRole = 'data' | 'target' | 'beside'

const targetWords = new Set(
  'y ys label labels lbl target targets tgt class classes cls category categories gt truth true groundtruth onehot answer answers expected output outputs annotation annotations'.split(
    ' ',
  ),
)
const identifierWords = new Set(
  'id ids uid uids uuid uuids guid idx index indexes indices key keys file files filename filenames path paths url urls'.split(
    ' ',
  ),
)
const besideWords = new Set('name names weight weights fold folds split splits group groups'.split(' '))

/** Words of inputs that hold numbers of tokens or positions, such as `input_ids`. */
const tokenWords = new Set('input inputs token tokens position positions segment decoder encoder word words'.split(' '))

/** Identifiers that are written as one word. */
const joinedIdentifier = /^(sample|user|item|image|img|row|record|patient|case|subject|doc)(id|ids|idx|index)$/

/** Targets that are written as one word with their part of the data, such as `ytrain` and `testlabels`. */
const joinedTarget =
  /^((y|labels?|targets?)(tr|te|train|test|val|valid|validation|true)|(train|test|val|valid)(y|labels?|targets?))$/

/** Returns the role of an array by the words of its name: `y_train`, `classLabels` and `gt` are targets. */
export function roleOf(name: string): ArrayRole {
  const words = name
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}]+/u)
  const has = (known: ReadonlySet<string>) => words.some(word => known.has(word))
  if (has(besideWords)) return 'beside'
  if (has(targetWords) || words.some(word => joinedTarget.test(word))) return 'target'
  if (has(tokenWords)) return 'data'
  return has(identifierWords) || words.some(word => joinedIdentifier.test(word)) ? 'beside' : 'data'
}
