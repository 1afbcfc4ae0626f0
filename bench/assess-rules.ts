import { ZenEngine } from '@gorules/zen-engine'
import { Engine } from 'json-rules-engine'
import type { DeviceState } from '../src/telemetry/device-state.js'

const DAY_MS = 24 * 60 * 60 * 1000

/** What the rules below ask of a phone, flat, as such engines want it; null: not told. */
export type Facts = Readonly<Record<'passcodeSet' | 'encryption' | 'usbDebugging' | 'rooted' | 'selinux' | 'testKeys' | 'systemWritable' | 'patchAgeDays' | 'listedApp' | 'passcodeCompliant' | 'emulator', boolean | string | number | null>>

interface Rule { readonly detection: string, readonly conditions: ReadonlyArray<readonly [keyof Facts, 'equal' | 'greaterThan' | 'lessThanInclusive', boolean | string | number]> }

/** Detections that an engine of rules about values can say, each as a list of alternatives. */
const RULES: readonly Rule[] = [
  { detection: 'dev-no-passcode', conditions: [['passcodeSet', 'equal', false]] },
  { detection: 'dev-unencrypted', conditions: [['encryption', 'equal', 'inactive']] },
  { detection: 'dev-unencrypted', conditions: [['encryption', 'equal', 'unsupported']] },
  { detection: 'dev-encryption-default-key', conditions: [['encryption', 'equal', 'default-key']] },
  { detection: 'dev-usb-debugging', conditions: [['usbDebugging', 'equal', true]] },
  { detection: 'dev-rooted', conditions: [['rooted', 'equal', true]] },
  { detection: 'dev-selinux-permissive', conditions: [['selinux', 'equal', 'permissive']] },
  { detection: 'dev-system-writable', conditions: [['systemWritable', 'equal', true]] },
  { detection: 'os-patch-90d', conditions: [['patchAgeDays', 'greaterThan', 90], ['patchAgeDays', 'lessThanInclusive', 180]] },
  { detection: 'os-patch-180d', conditions: [['patchAgeDays', 'greaterThan', 180], ['patchAgeDays', 'lessThanInclusive', 365]] },
  { detection: 'os-patch-365d', conditions: [['patchAgeDays', 'greaterThan', 365]] },
  { detection: 'app-denylisted', conditions: [['listedApp', 'equal', true]] }
]
export const SUBSET: readonly string[] = [...new Set(RULES.map(({ detection }) => detection))]

/** Flat facts of an Android phone. The apps are looked for in a set of ids, the one thing that no engine does for itself. */
export function factsOf ({ config, integrity, os, hardware, apps }: DeviceState, denied: ReadonlySet<string>, now: Date): Facts {
  const day = os?.securityPatchLevel === undefined ? NaN : Date.parse(os.securityPatchLevel)
  let listedApp = false
  for (const appId in apps?.items) if (denied.has(appId)) listedApp = true
  return {
    passcodeSet: config?.passcodeSet ?? null,
    passcodeCompliant: config?.passcodeCompliant ?? null,
    encryption: config?.encryption ?? null,
    usbDebugging: config?.usbDebugging ?? null,
    selinux: config?.selinux ?? null,
    rooted: integrity?.rooted ?? null,
    systemWritable: integrity?.systemWritable ?? null,
    testKeys: os?.testKeys ?? null,
    emulator: hardware?.emulator ?? null,
    patchAgeDays: Number.isNaN(day) ? null : Math.floor((now.getTime() - day) / DAY_MS),
    listedApp
  }
}

/** The rules in json-rules-engine; answers the detections that speak. */
export function jsonRules (): (facts: Facts) => Promise<ReadonlySet<string>> {
  const engine = new Engine([], { allowUndefinedFacts: true })
  for (const { detection, conditions } of RULES) {
    engine.addRule({ conditions: { all: conditions.map(([fact, operator, value]) => ({ fact, operator, value })) }, event: { type: detection } })
  }
  return async (facts) => new Set((await engine.run({ ...facts })).events.map(({ type }) => type))
}

const ZEN_OPERATORS = { equal: '==', greaterThan: '>', lessThanInclusive: '<=' } as const

/** The same as a decision table of GoRules Zen. */
export function zenRules (): (facts: Facts) => Promise<ReadonlySet<string>> {
  const fields = [...new Set(RULES.flatMap(({ conditions }) => conditions.map(([fact]) => fact)))]
  const table = {
    hitPolicy: 'collect',
    inputs: fields.map((field) => ({ id: field, name: field, field })),
    outputs: [{ id: 'detection', name: 'detection', field: 'detection' }],
    rules: RULES.map(({ detection, conditions }, index) => ({
      _id: `rule${index}`,
      detection: JSON.stringify(detection),
      ...Object.fromEntries(fields.map((field) => [field, conditions.filter(([fact]) => fact === field).map(([, operator, value]) => `$ != null and $ ${ZEN_OPERATORS[operator]} ${JSON.stringify(value)}`).join(' and ')]))
    }))
  }
  const decision = new ZenEngine().createDecision({
    nodes: [{ id: 'in', type: 'inputNode', name: 'in' }, { id: 'table', type: 'decisionTableNode', name: 'table', content: table }, { id: 'out', type: 'outputNode', name: 'out' }],
    edges: [{ id: 'a', sourceId: 'in', targetId: 'table' }, { id: 'b', sourceId: 'table', targetId: 'out' }]
  } as unknown as Parameters<ZenEngine['createDecision']>[0])
  return async (facts) => new Set(((await decision.evaluate(facts)).result as ReadonlyArray<{ detection: string }>).map(({ detection }) => detection))
}
