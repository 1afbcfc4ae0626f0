import type { Platform } from '../../telemetry/device-state.js'

export const ANDROID: readonly Platform[] = ['android']
export const APPLE: readonly Platform[] = ['ios', 'ipados']
export const ALL_PLATFORMS: readonly Platform[] = ['android', 'ios', 'ipados']
