import type { UserTexts } from '../user-text.js'

export const compositeTexts: UserTexts = {}
