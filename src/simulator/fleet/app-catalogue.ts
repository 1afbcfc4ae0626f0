import type { App } from '../../telemetry/report.js'
import { Random } from './random.js'

/** One version of an app, as every phone that has it reports it. */
export interface AppBuild {
  readonly app: App
  /** RFC 8785 form, of which digests are made: written once, not for each phone. */
  readonly json: string
}

/** An app with its versions, oldest first. */
export type CatalogueApp = readonly AppBuild[]

export interface AppCatalogue {
  /** Apps that come with the phone. */
  readonly system: readonly CatalogueApp[]
  /** Apps of the store, most popular first. */
  readonly store: readonly CatalogueApp[]
}

const SYSTEM_APPS = 60
const STORE_APPS = 1_500
const VERSIONS = 4
const PERMISSIONS = [
  'ACCESS_COARSE_LOCATION', 'ACCESS_FINE_LOCATION', 'ACCESS_NETWORK_STATE', 'BLUETOOTH_CONNECT', 'CAMERA', 'FOREGROUND_SERVICE',
  'INTERNET', 'POST_NOTIFICATIONS', 'READ_CONTACTS', 'READ_MEDIA_IMAGES', 'RECEIVE_BOOT_COMPLETED', 'RECORD_AUDIO', 'VIBRATE', 'WAKE_LOCK'
] as const
const TOPICS = ['bank', 'camera', 'chat', 'fitness', 'food', 'games', 'mail', 'maps', 'music', 'news', 'notes', 'photo', 'shop', 'travel', 'video', 'weather'] as const

/** Made-up apps of a platform; names no app that exists. */
export function createAppCatalogue (platform: 'android' | 'ios', seed: number): AppCatalogue {
  const random = new Random(seed)
  const make = (count: number, system: boolean): CatalogueApp[] =>
    Array.from({ length: count }, (_, index) => makeApp(random, platform, system, index))
  return { system: make(SYSTEM_APPS, true), store: make(STORE_APPS, false) }
}

function makeApp (random: Random, platform: 'android' | 'ios', system: boolean, index: number): CatalogueApp {
  const topic = random.pick(TOPICS)
  const name = `${system ? 'System' : 'Example'} ${topic} ${index}`
  const appId = `example.${system ? 'system' : `vendor${random.below(400)}`}.${topic}${index}`
  const certificate = random.hex(64)
  const permissions = PERMISSIONS.filter(() => random.chance(system ? 0.6 : 0.35)).map((one) => `android.permission.${one}`)
  return Array.from({ length: VERSIONS }, (_, age) => {
    const version = `${1 + random.below(20)}.${age}.${random.below(10)}`
    const app: App = platform === 'android'
      ? {
          appId, installer: system ? null : 'com.android.vending', name, permissions, sha256: random.hex(64), signingCertSha256: [certificate],
          system, targetSdk: 33 + random.below(3), version, versionCode: (age + 1) * 1_000 + random.below(1_000)
        }
      : { appId, fromAppStore: !system, name, system, validated: true, version }
    return { app, json: sortedJson(app) }
  })
}

// Names and values are plain ASCII, so sorting the members is all that RFC 8785 asks.
export const sortedJson = (app: App): string => JSON.stringify(Object.fromEntries(Object.entries(app).sort(([a], [b]) => a < b ? -1 : 1)))
