/** Most soups that are started or counted without a turn for others: less than a millisecond of work. */
const soupsInTurn = 16

/** Returns a function to be called after each soup. It returns true if others should have their turn on the event loop now. */
export function everyFew(): () => boolean {
  let count = 0
  return () => {
    count += 1
    return count % soupsInTurn === 0
  }
}
