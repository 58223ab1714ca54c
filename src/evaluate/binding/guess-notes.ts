import type { Guess } from './binding-types.ts'

const inputPrefix = 'inputs.'

/**
 * Returns a note on each array that was guessed, with the field of the request that chooses another one.
 * @param part prefix of that field, such as `selection.`
 */
export function guessNotes(guesses: readonly Guess[], part = ''): string[] {
  return guesses.map(guess => guessNote(guess, part))
}

/** Returns the note on one array, as {@link guessNotes} does. */
export function guessNote({ field, array }: Guess, part = ''): string {
  const use = field.startsWith(inputPrefix)
    ? `for the input ${field.slice(inputPrefix.length)}, since no array has its name`
    : 'as the target, by its name or because no other array is left'
  return `the array ${array} was taken ${use}; if another one is right, name it in ${part}${field}`
}
