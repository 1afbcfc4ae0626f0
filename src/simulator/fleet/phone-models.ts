import type { PhoneDescription } from '../../agent/agent.js'

/** A model as it names itself, and the versions of its OS that run on it, by their first number. */
export interface PhoneModel {
  readonly platform: PhoneDescription['platform']
  readonly manufacturer: string
  readonly model: string
  /** How many of a hundred or so phones of its platform. */
  readonly weight: number
  readonly oldestOs: number
  readonly newestOs: number
}

type Line = readonly [model: string, weight: number, oldestOs: number, newestOs: number]

const of = (platform: PhoneModel['platform'], manufacturer: string, lines: readonly Line[]): PhoneModel[] =>
  lines.map(([model, weight, oldestOs, newestOs]) => ({ platform, manufacturer, model, weight, oldestOs, newestOs }))

/** Names are what `Build.MODEL` says; weights are invented, newer and cheaper ones being more usual. */
export const ANDROID_MODELS: readonly PhoneModel[] = [
  ...of('android', 'samsung', [
    ['SM-A155F', 8, 14, 16], ['SM-A546B', 9, 13, 16], ['SM-A556B', 8, 14, 16], ['SM-A536B', 6, 12, 16], ['SM-G991B', 5, 11, 15],
    ['SM-S911B', 6, 13, 16], ['SM-S921B', 7, 14, 16], ['SM-S928B', 4, 14, 16], ['SM-A525F', 4, 11, 14], ['SM-G525F', 2, 11, 14]
  ]),
  ...of('android', 'Google', [['Pixel 6', 3, 12, 16], ['Pixel 7', 4, 13, 16], ['Pixel 7a', 4, 13, 16], ['Pixel 8', 5, 14, 16], ['Pixel 8a', 4, 14, 16], ['Pixel 9', 4, 14, 16], ['Pixel 4a', 1, 11, 13]]),
  ...of('android', 'Xiaomi', [['2201123G', 3, 12, 15], ['23021RAA2Y', 4, 13, 15], ['23127PN0CG', 3, 14, 16], ['M2101K6G', 2, 11, 13]]),
  ...of('android', 'OnePlus', [['CPH2449', 2, 13, 16], ['CPH2581', 2, 14, 16]]),
  ...of('android', 'motorola', [['moto g84 5G', 2, 13, 15], ['motorola edge 40', 2, 13, 15]]),
  ...of('android', 'Fairphone', [['FP4', 1, 11, 15], ['FP5', 2, 13, 16]]),
  ...of('android', 'Sony', [['XQ-DQ54', 1, 13, 15]]),
  ...of('android', 'Zebra Technologies', [['TC58', 1, 11, 14]])
]

/** Apple's identifiers (`hw.machine`); the first number of iOS jumped from 18 to 26. */
export const IOS_MODELS: readonly PhoneModel[] = [
  ...of('ios', 'Apple', [
    ['iPhone11,8', 4, 17, 18], ['iPhone12,1', 8, 17, 26], ['iPhone12,8', 5, 17, 26], ['iPhone13,2', 8, 17, 26], ['iPhone14,5', 11, 17, 26], ['iPhone14,6', 6, 17, 26],
    ['iPhone14,7', 8, 17, 26], ['iPhone15,2', 7, 17, 26], ['iPhone15,4', 9, 17, 26], ['iPhone16,1', 7, 17, 26], ['iPhone17,3', 8, 18, 26], ['iPhone17,1', 6, 18, 26],
    ['iPhone17,5', 3, 18, 26], ['iPhone18,3', 4, 26, 26], ['iPhone18,1', 3, 26, 26]
  ]),
  ...of('ipados', 'Apple', [['iPad7,11', 2, 17, 18], ['iPad12,1', 5, 17, 26], ['iPad13,16', 3, 17, 26], ['iPad13,18', 5, 17, 26], ['iPad14,1', 3, 17, 26], ['iPad14,3', 2, 17, 26], ['iPad16,3', 2, 17, 26]])
]
