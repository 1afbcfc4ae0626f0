import type { KeptEvent } from '../../../telemetry/device-state.js'
import type { Detection, Match } from '../../detection.js'
import { openUntil } from '../../facts/event-windows.js'
import { eventEvidence, eventsOfType } from '../../facts/network-events.js'
import { ANDROID } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const ID = 'net-rogue-cell'
/** Signs of one false tower come close together. */
const TOGETHER_MS = 60 * 60 * 1000
/** Shown as evidence. */
const MAX_OTHERS = 4

/** What modems and agents tell of a cell that behaves oddly. */
const SIGNS: Readonly<Record<string, string>> = {
  'cell-downgrade': 'pushed the phone to an older network',
  'cell-null-cipher': 'switched encryption off',
  'cell-identity-request': 'asked for the phone\'s identity in clear',
  'cell-suspicious': 'is not where or what such a cell should be'
}

interface Sign {
  readonly event: KeptEvent
  readonly ms: number
}

/** Two different signs of what may be one tower. */
const areTogether = (a: Sign, b: Sign): boolean => a.event.type !== b.event.type && Math.abs(a.ms - b.ms) <= TOGETHER_MS &&
  (a.event.cellId === undefined || b.event.cellId === undefined || a.event.cellId === b.event.cellId)

export const netRogueCell: Detection = {
  id: ID,
  version: 1,
  category: 'network',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1638', 'T1430.002'],
  raisesLevel: true,
  description: 'A false mobile tower. Four signs that agents tell: the phone was pushed to an older network (cell-downgrade), encryption was switched off (cell-null-cipher), the tower asked for the phone\'s identity in clear (cell-identity-request), the cell does not fit its place (cell-suspicious). High when two different ones come within an hour; each alone is only recorded, because calls over 2G, roaming and switching on do it every day.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'Go somewhere else before you make calls or send messages that matter, and turn off 2G in the settings (Network & internet, SIMs). Tell your security team where it was.',
    admin: 'Ask where it was, and whether others there saw the same. Switch 2G off by management, and have calls made through an app that encrypts them.'
  },
  examples: [
    { name: 'pushed to 2G, and encryption is off', platform: 'android', report: { events: [{ type: 'cell-downgrade', cellId: '262-01-4711' }, { type: 'cell-null-cipher', cellId: '262-01-4711' }] }, finds: ['262-01-4711 high'] },
    { name: 'a call over 2G in the country', platform: 'android', report: { events: [{ type: 'cell-downgrade' }] }, finds: ['cellular audit'] },
    { name: 'two signs of two towers', platform: 'android', report: { events: [{ type: 'cell-downgrade', cellId: '262-01-1' }, { type: 'cell-suspicious', cellId: '262-01-2' }] }, finds: ['262-01-1 audit', '262-01-2 audit'] },
    { name: 'two signs on one day', platform: 'android', report: { events: [{ type: 'cell-downgrade', at: '2026-11-23T08:00:00Z' }, { type: 'cell-identity-request' }] }, finds: ['cellular audit'] },
    { name: 'over', platform: 'android', report: { events: [{ type: 'cell-downgrade', at: '2026-11-23T08:00:00Z', endedAt: '2026-11-23T08:10:00Z' }] }, finds: [] }
  ],

  detect (context) {
    if (context.state.events.length === 0) return []
    const all = Object.keys(SIGNS).flatMap((type) => eventsOfType(context, type)).map((event): Sign => ({ event, ms: Date.parse(event.at) }))
    return all.flatMap((one): Match[] => {
      const { event } = one
      const until = openUntil(context, event, { id: ID }, 'condition')
      if (until === undefined) return []
      const others = all.filter((other) => areTogether(other, one)).map((other) => other.event)
      const subject = event.cellId ?? others.find(({ cellId }) => cellId !== undefined)?.cellId ?? 'cellular'
      const signs = [SIGNS[event.type]!, ...new Set(others.map((other) => SIGNS[other.type]!))]
      return [{
        subject,
        title: `A mobile tower${subject === 'cellular' ? '' : ` (${subject})`} ${signs.join(' and ')}${others.length > 0 ? ', as false towers do' : ''}.`,
        evidence: [event, ...others.slice(0, MAX_OTHERS)].flatMap((sign) => eventEvidence(sign, ['type', 'cellId', 'detail'])),
        severity: others.length > 0 ? 'high' : 'audit',
        expiresAt: toIso(until)
      }]
    })
  }
}
