import { breadcrumbsMethod } from './breadcrumbs.ts'

export const breadcrumbsTies = breadcrumbsMethod(true)
