import type { UserTexts } from '../user-text.js'
import { appTexts } from './apps.js'
import { compositeTexts } from './composites.js'
import { deviceTexts } from './device.js'
import { managementTexts } from './management.js'
import { networkTexts } from './network.js'
import { osTexts } from './os.js'

export const englishTexts: UserTexts = {
  ...appTexts,
  ...networkTexts,
  ...osTexts,
  ...deviceTexts,
  ...managementTexts,
  ...compositeTexts
}
