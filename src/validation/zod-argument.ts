import type { z } from 'zod'

/**
 * Type of the zod that scoring metrics and merge methods get as an argument. They do not import it: evaluators would take a third longer to
 * start.
 */
export type Zod = typeof z
