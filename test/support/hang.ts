/**
 * Milliseconds beyond which something has hung, or grows faster than what it is given, on a machine however busy. How fast
 * things are is for `npm run bench` and the fuzz, which count the processor's time alone.
 */
export const hang = 20_000
