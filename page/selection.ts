import { sharedValue } from './store.ts'

/** A model that the user has selected. */
export type SelectedModel = { id: string; name: string }

/** The selected models, in the order of their selection. They stay selected on other pages of the list. */
export const selection = sharedValue<readonly SelectedModel[]>([])

/** Selects a model, or no longer. */
export function select(model: SelectedModel, isSelected: boolean): void {
  const others = selection.get().filter(({ id }) => id !== model.id)
  selection.set(isSelected ? [...others, model] : others)
}
