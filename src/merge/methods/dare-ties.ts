import { dareMethod } from './dare-linear.ts'

export const dareTies = dareMethod(true)
