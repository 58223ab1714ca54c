/** Where the files of a model lie: its own, and those that it refers to, by the location that it calls them. */
export type ModelPaths = { path: string; data: readonly { location: string; path: string }[] }
