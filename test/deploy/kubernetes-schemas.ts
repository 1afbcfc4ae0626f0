import { createRequire } from 'node:module'
import { join } from 'node:path'
import ts from 'typescript'
import { packageRoot } from '../../src/platform/package-root.js'

/** Kinds that our chart may have, and the module that knows each: generated from Kubernetes' own OpenAPI and from the CRDs of KEDA and the Prometheus operator. */
const MODULES: Readonly<Record<string, string>> = {
  'v1/ConfigMap': 'kubernetes-models/v1/ConfigMap',
  'v1/Service': 'kubernetes-models/v1/Service',
  'v1/ServiceAccount': 'kubernetes-models/v1/ServiceAccount',
  'apps/v1/Deployment': 'kubernetes-models/apps/v1/Deployment',
  'batch/v1/Job': 'kubernetes-models/batch/v1/Job',
  'autoscaling/v2/HorizontalPodAutoscaler': 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler',
  'policy/v1/PodDisruptionBudget': 'kubernetes-models/policy/v1/PodDisruptionBudget',
  'networking.k8s.io/v1/NetworkPolicy': 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy',
  'networking.k8s.io/v1/Ingress': 'kubernetes-models/networking.k8s.io/v1/Ingress',
  'keda.sh/v1alpha1/ScaledObject': '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject',
  'monitoring.coreos.com/v1/ServiceMonitor': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor',
  'monitoring.coreos.com/v1/PrometheusRule': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'
}

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string, readonly labels?: Readonly<Record<string, string>>, readonly annotations?: Readonly<Record<string, string>> }
  // Of many kinds; findManifestFaults looks at it.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly spec?: any
  readonly data?: Readonly<Record<string, string>>
}

const require = createRequire(import.meta.url)
const nameOf = ({ apiVersion, kind, metadata }: Manifest): string => `${apiVersion}/${kind} ${metadata.name}`

/** What Kubernetes would refuse or silently ignore in these objects; none: all is well. */
export function findManifestFaults (manifests: readonly Manifest[]): string[] {
  const unknown = manifests.filter(({ apiVersion, kind }) => MODULES[`${apiVersion}/${kind}`] === undefined)
  const known = manifests.filter((one) => !unknown.includes(one))
  return [...unknown.map((one) => `${nameOf(one)}: no such kind is expected`), ...known.flatMap(validate), ...findUnknownFields(known)]
}

/** By the JSON schema: required fields, types, formats. */
function validate (manifest: Manifest): string[] {
  const exported = require(MODULES[`${manifest.apiVersion}/${manifest.kind}`]!) as Record<string, new (data: object) => { validate: () => void }>
  try {
    new exported[manifest.kind]!(manifest).validate()
    return []
  } catch (error) {
    return [`${nameOf(manifest)}: ${(error as Error).message}`]
  }
}

/** The schemas let unknown fields pass, and so would a wrong name: the compiler refuses them in a literal of the schema's type. */
function findUnknownFields (manifests: readonly Manifest[]): string[] {
  const file = join(packageRoot, 'manifests.ts')
  const lines = manifests.flatMap((manifest, at) => {
    const module = MODULES[`${manifest.apiVersion}/${manifest.kind}`]!
    return [`import type { I${manifest.kind} as K${at} } from '${module}'`, `export const m${at}: K${at} = ${JSON.stringify(manifest)}`]
  })
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts'], module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, strict: true, skipLibCheck: true, noEmit: true, types: []
  }
  const host = ts.createCompilerHost(options)
  const readSource = host.getSourceFile.bind(host)
  host.getSourceFile = (name, ...rest) => name === file ? ts.createSourceFile(name, lines.join('\n'), ts.ScriptTarget.ES2022) : readSource(name, ...rest)
  return ts.getPreEmitDiagnostics(ts.createProgram([file], options, host)).map(({ messageText, file: source, start }) => {
    const line = source === undefined || start === undefined ? -1 : source.getLineAndCharacterOfPosition(start).line
    const at = Math.floor(line / 2)
    return `${manifests[at] === undefined ? '' : nameOf(manifests[at])}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
  })
}
