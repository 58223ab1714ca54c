import { dellaMethod } from './della-linear.ts'

export const della = dellaMethod(true)
