/** Entries of the error catalogue, by code. `help`, in Markdown, says what the client or the operator can do. */
export type ErrorEntries = Record<string, { status: number; title: string; help: string }>
