import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { loadConfig, SETTINGS } from '../../src/config.js'
import { connectionsOf } from '../../src/platform/connections.js'
import { DRAIN_LIMIT_MS, STOP_LIMIT_MS } from '../../src/platform/lifecycle.js'
import { createMetrics } from '../../src/platform/metrics.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { QUEUE_NAMES } from '../../src/platform/queue-names.js'
import { renderChart } from './helm-template.js'
import { findManifestFaults, type Manifest } from './kubernetes-schemas.js'

const CHART = join(packageRoot, 'deploy/helm/sallyport')
const RELEASE = { name: 'mtd', namespace: 'security' }

interface Scaled { readonly replicas: number, readonly autoscaling: { readonly enabled: boolean, readonly maxReplicas: number } }
interface Values { readonly api: Scaled, readonly workers: Readonly<Record<string, Scaled>> }

/** What an administrator must say. */
const LEAST = { publicUrl: 'https://mtd.example.org', secrets: { existingSecret: 'sallyport' } }

/** Everything that can be switched on. */
const MOST = {
  ...LEAST,
  image: { repository: 'registry.example.org/sallyport', tag: '1.2.3', digest: `sha256:${'0123456789abcdef'.repeat(4)}` },
  imagePullSecrets: [{ name: 'registry' }],
  config: { LOG_LEVEL: 'debug', DATABASE_ROLE_PREFIX: 'mtd', TRUST_PROXY: '10.0.0.0/8', SCORE_CONCURRENCY: 3, PRIVACY_MODE: true, INTUNE_CLIENT_ID: '00000000-0000-4000-8000-00000000000a' },
  secrets: { existingSecret: 'sallyport', variables: ['DATABASE_URL', 'REDIS_URL', 'SECRETS_KEY'], paths: { INTUNE_CA_FILE: 'proxy-ca.pem' } },
  priorityClassName: 'important',
  podLabels: { 'cost-centre': '42' },
  extraEnv: [{ name: 'DATABASE_POOLER_URL_FILE', value: '/run/secrets/vault/pooler' }],
  extraVolumes: [{ name: 'vault', csi: { driver: 'secrets-store.csi.k8s.io', readOnly: true, volumeAttributes: { secretProviderClass: 'sallyport' } } }],
  extraVolumeMounts: [{ name: 'vault', mountPath: '/run/secrets/vault', readOnly: true }],
  migrate: { existingSecret: 'sallyport-owner', nodeSelector: { disk: 'ssd' }, tolerations: [{ key: 'a', operator: 'Exists' }] },
  serviceAccount: { annotations: { 'azure.workload.identity/client-id': 'x' }, federatedToken: { enabled: true } },
  api: { ingress: { enabled: true, className: 'nginx', host: 'mtd.example.org', tlsSecret: 'mtd-tls', annotations: { a: 'b' } }, nodeSelector: { disk: 'ssd' }, tolerations: [{ key: 'a', operator: 'Exists' }], podAnnotations: { c: 'd' } },
  workers: { score: { autoscaling: { keda: { enabled: true } } }, sync: { autoscaling: { enabled: true, keda: { enabled: true, queueAgeSeconds: 9 } } }, upkeep: { autoscaling: { enabled: true } } },
  workerDefaults: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }] } } } },
  keda: { prometheusUrl: 'http://prometheus.monitoring:9090' },
  networkPolicy: {
    apiFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress-nginx' } } }],
    opsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
    database: { to: [{ ipBlock: { cidr: '10.1.0.0/16' } }], ports: [5432, 6432] },
    redis: { ports: [6379, 26379] },
    httpsTo: [{ ipBlock: { cidr: '10.2.0.1/32' } }]
  },
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  prometheusRule: { enabled: true, labels: { release: 'prometheus' } }
}

/** What the chart sets by itself, or has a value of its own for. */
const OF_THE_CHART = new Set(['PUBLIC_URL', 'HOST', 'PORT', 'OPS_HOST', 'OPS_PORT', 'STOP_DELAY_SECONDS'])

/** Without what is optional. */
const LITTLE = {
  ...LEAST,
  fullnameOverride: 'a-name-of-our-own',
  migrate: { enabled: false },
  serviceAccount: { create: false, name: 'default' },
  api: { autoscaling: { enabled: false }, replicas: 1 },
  workers: { score: null, sync: null, upkeep: null, all: { queues: [...QUEUE_NAMES], replicas: 1, resources: {}, autoscaling: { enabled: false, keda: { enabled: false } } } },
  networkPolicy: { enabled: false }
}

const CASES = { least: LEAST, most: MOST, little: LITTLE } as const

const manifestsOf = (text: string): Manifest[] => parseAllDocuments(text).map((one) => one.toJS() as Manifest | null).filter((one) => one !== null)
const render = (values: object): Manifest[] => Object.entries(renderChart(CHART, values, RELEASE)).flatMap(([name, text]) => name.endsWith('.yaml') ? manifestsOf(text) : [])
const rendered = Object.fromEntries(Object.entries(CASES).map(([name, values]) => [name, render(values)])) as Record<keyof typeof CASES, Manifest[]>
const ofKind = (manifests: readonly Manifest[], kind: string): Manifest[] => manifests.filter((one) => one.kind === kind)
const podsOf = (manifests: readonly Manifest[]): Manifest[] => manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'Job')

const helm = (() => {
  try {
    execFileSync('helm', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** They are of a text that no one else reads, and whose layout may differ. */
const withoutChecksums = (manifest: Manifest): unknown => JSON.parse(JSON.stringify(manifest, (key, value) => key === 'checksum/config' ? '' : value))

t.test('Helm itself finds nothing wrong and renders the same', { skip: helm ? false : 'there is no helm on the PATH' }, async (t) => {
  for (const [name, values] of Object.entries(CASES)) {
    const file = join(t.testdir({ 'values.yaml': stringify(values) }), 'values.yaml')
    execFileSync('helm', ['lint', '--strict', CHART, '-f', file], { stdio: 'pipe' })
    const theirs = manifestsOf(execFileSync('helm', ['template', RELEASE.name, CHART, '--namespace', RELEASE.namespace, '-f', file], { encoding: 'utf8' }))
    const byName = (manifests: readonly Manifest[]): object => Object.fromEntries(manifests.map((one) => [`${one.kind} ${one.metadata.name}`, withoutChecksums(one)]))
    t.strictSame(byName(rendered[name as keyof typeof CASES]), byName(theirs), name)
  }
})

t.test('Kubernetes, KEDA and the Prometheus operator know every field', async (t) => {
  const [deployment] = ofKind(rendered.least, 'Deployment')
  const spoil = (name: string, change: (container: Record<string, unknown>) => void): Manifest => {
    const spoilt = structuredClone(deployment!)
    change(spoilt.spec.template.spec.containers[0])
    return { ...spoilt, metadata: { name } }
  }
  const faults = findManifestFaults([
    ...Object.values(rendered).flat(),
    spoil('misspelt', (container) => { container.readinesProbe = {} }),
    spoil('untyped', (container) => { container.name = 1 })
  ])
  t.strictSame(faults.filter((one) => !/Deployment (?:misspelt|untyped):/.test(one)), [])
  t.ok(faults.some((one) => /misspelt.*readinesProbe/.test(one)), 'a field that does not exist would be found')
  t.ok(faults.some((one) => /untyped.*name/.test(one)), 'and one of the wrong type')
})

t.test('what must be said is asked for, and what is not known is refused', async (t) => {
  t.throws(() => render({ ...LEAST, publicUrl: '' }), { message: /publicUrl must be set/ })
  t.throws(() => render({ publicUrl: 'https://x' }), { message: /existingSecret must be set/ })
  t.throws(() => render({ ...LEAST, workers: MOST.workers }), { message: /prometheusUrl must be set/ })
  const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as object
  const isValid = new Ajv({ strict: false }).compile(schema)
  const defaults = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as object
  t.ok(isValid(defaults), JSON.stringify(isValid.errors))
  t.notOk(isValid({ ...defaults, replicas: 3 }))
  for (const [name, { secret }] of Object.entries(SETTINGS as Record<string, { secret?: boolean }>)) {
    t.equal(isValid({ ...defaults, config: { [name]: 'x' } }), secret !== true && !OF_THE_CHART.has(name), `${name}: a secret has no place in a ConfigMap, and what is set elsewhere would count for nothing`)
  }
})

t.test('every variable is one that Sallyport reads, and its value one that it takes', async (t) => {
  for (const [name, manifests] of Object.entries(rendered)) {
    const [{ data } = { data: {} }] = ofKind(manifests, 'ConfigMap')
    t.doesNotThrow(() => loadConfig(data ?? {}), name)
    for (const pod of podsOf(manifests)) {
      const container = pod.spec.template.spec.containers[0]
      const mounts = container.volumeMounts.map((one: { mountPath: string }) => one.mountPath) as string[]
      for (const variable of Object.keys(data ?? {})) t.ok(variable in SETTINGS, variable)
      for (const { name: variable, value } of container.env as Array<{ name: string, value: string }>) {
        const secret = variable.replace(/_FILE$/, '')
        t.ok(variable in SETTINGS || (SETTINGS as Record<string, { secret?: boolean }>)[secret]?.secret === true, `${variable} of ${pod.metadata.name}`)
        if (variable.endsWith('_FILE')) t.ok(mounts.some((mount) => value.startsWith(`${mount}/`)), `${variable} points to a volume`)
        else t.doesNotThrow(() => loadConfig({ [variable]: value }), variable)
      }
    }
  }
})

t.test('every queue has a worker, by default and in any case', async (t) => {
  for (const [name, manifests] of Object.entries(rendered)) {
    const served = ofKind(manifests, 'Deployment').flatMap(({ spec }) => spec.template.spec.containers[0].args as string[]).filter((one) => !['api', 'worker', '--queue'].includes(one))
    t.strictSame([...served].sort(), [...QUEUE_NAMES].sort(), name)
  }
})

t.test('containers are not root, write nowhere, and have no more than they need', async (t) => {
  const pods = Object.values(rendered).flatMap(podsOf)
  t.ok(pods.length > 8)
  for (const { metadata: { name }, spec: { template: { spec } } } of pods) {
    t.match(spec.securityContext, { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } }, name)
    t.equal(spec.automountServiceAccountToken, false, name)
    const [container] = spec.containers
    t.match(container.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }, name)
    if (container.name === 'migrate' || container.name === 'api') t.ok(container.resources.limits.memory, name)
    for (const { mountPath } of container.volumeMounts) t.match(mountPath, /^\/(?:tmp|run\/secrets\/\w+)$/)
  }
})

t.test('processes are probed, spread, and stop before they are killed', async (t) => {
  for (const { metadata: { name }, spec: { template: { spec } } } of ofKind(rendered.most, 'Deployment')) {
    const [container] = spec.containers
    t.match(container, { startupProbe: { httpGet: { path: '/readyz', port: 'ops' } }, readinessProbe: { httpGet: { path: '/readyz' } }, livenessProbe: { httpGet: { path: '/healthz' } } }, name)
    t.ok(container.ports.some((one: { name: string, containerPort: number }) => one.name === 'ops' && one.containerPort === 9090))
    t.equal(spec.topologySpreadConstraints.length, 2)
  }
})

t.test('a pod that stops is noticed before it stops to listen, and is not killed before it has finished', async (t) => {
  const slow = render({ ...LEAST, api: { stopDelaySeconds: 120 } })
  for (const { metadata: { name }, spec: { template: { spec } } } of [...Object.values(rendered).flat(), ...slow].filter(({ kind }) => kind === 'Deployment')) {
    const [container] = spec.containers
    const set = (container.env as Array<{ name: string, value: string }>).find((one) => one.name === 'STOP_DELAY_SECONDS')
    t.equal(set !== undefined, container.name === 'api', `${name}: only an API waits`)
    const delayMs = Number(set?.value ?? 0) * 1000
    t.ok(spec.terminationGracePeriodSeconds * 1000 > delayMs + DRAIN_LIMIT_MS + STOP_LIMIT_MS, `${name}: the delay, its drain and a part that is slow`)
    const { periodSeconds, failureThreshold } = container.readinessProbe
    if (set !== undefined) t.ok(delayMs > periodSeconds * failureThreshold * 1000, `${name}: whoever goes by readiness sees it before the port is closed`)
    // What /readyz looks at may take three seconds (ops-app.ts).
    for (const probe of [container.readinessProbe, container.livenessProbe]) t.ok(probe.timeoutSeconds > 3, name)
    t.equal(container.lifecycle, undefined, 'a sleep before the signal would keep connections open, and the pod ready')
  }
  const schema = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as object)
  const defaults = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as { api: object, workerDefaults: object }
  for (const [name, less] of Object.entries({ api: { stopDelaySeconds: 10 }, 'the rest of it': { stopSeconds: 25 } })) t.notOk(schema({ ...defaults, api: { ...defaults.api, ...less } }), name)
  t.notOk(schema({ ...defaults, workerDefaults: { ...defaults.workerDefaults, terminationGracePeriodSeconds: 25 } }))
})

t.test('an image is pinned by its digest, pods have their priority and labels, and none keeps a node from being drained', async (t) => {
  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`
  for (const { kind, metadata: { name }, spec: { selector, template: { metadata, spec } } } of podsOf(rendered.most)) {
    t.equal(spec.containers[0].image, `registry.example.org/sallyport@${digest}`, name)
    t.equal(spec.priorityClassName, 'important', name)
    t.match(metadata.labels, { 'cost-centre': '42' }, name)
    if (kind === 'Job') {
      t.match(spec, { nodeSelector: { disk: 'ssd' }, tolerations: [{ key: 'a' }] })
      continue
    }
    t.notMatch(selector.matchLabels, { 'cost-centre': '42' }, 'a label that changes must not change what a deployment selects')
    t.ok(spec.containers[0].env.some((one: { name: string }) => one.name === 'DATABASE_POOLER_URL_FILE'), name)
    const volumes = (spec.volumes as Array<{ name: string, emptyDir?: object }>).filter(({ emptyDir }) => emptyDir !== undefined).map(({ name }) => name)
    t.strictSame(metadata.annotations['cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'].split(','), volumes, `${name}: what is local is not worth keeping`)
  }
  for (const { metadata: { name }, spec } of ofKind(rendered.least, 'PodDisruptionBudget')) t.match(spec, { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' }, name)
  t.match(podsOf(rendered.least)[0]!.spec.template.spec.containers[0].image, /^sallyport:\d/)
  const isValid = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as object)
  const defaults = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as { image: object, api: object }
  t.notOk(isValid({ ...defaults, image: { ...defaults.image, digest: 'latest' } }))
  for (const budget of [{}, { minAvailable: 1, maxUnavailable: 1 }]) t.notOk(isValid({ ...defaults, api: { ...defaults.api, podDisruptionBudget: budget } }), JSON.stringify(budget))
})

t.test('migrations make the roles that the processes work in', async (t) => {
  const [job] = ofKind(rendered.most, 'Job')
  const env = job!.spec.template.spec.containers[0].env as Array<{ name: string, value: string }>
  t.strictSame(env.filter(({ name }) => !name.endsWith('_FILE')), [{ name: 'DATABASE_ROLE_PREFIX', value: 'mtd' }, { name: 'LOG_LEVEL', value: 'debug' }])
  t.equal(ofKind(rendered.most, 'ConfigMap')[0]!.data!.DATABASE_ROLE_PREFIX, 'mtd')
})

t.test('alert rules have one home, and their jobs are the names that the monitor gives', async (t) => {
  const home = parse(readFileSync(join(packageRoot, 'deploy/prometheus/alerts.yml'), 'utf8')) as { groups: Array<{ rules: Array<{ alert: string, expr: string }> }> }
  const rules = ofKind(rendered.most, 'PrometheusRule')
  t.strictSame(rules.map(({ metadata, spec }) => [metadata.name, spec]), [['mtd-sallyport-alerts', home]], 'the operator gets what Prometheus itself would read')
  t.equal(new Set(home.groups.flatMap((group) => group.rules.map(({ alert }) => alert))).size, home.groups.flatMap((group) => group.rules).length, 'no alert is there twice')

  const [monitor] = ofKind(rendered.most, 'ServiceMonitor')
  const { sourceLabels, targetLabel, replacement } = monitor!.spec.endpoints[0].relabelings[0]
  t.strictSame([sourceLabels, targetLabel], [['__meta_kubernetes_pod_label_app_kubernetes_io_component'], 'job'])
  const jobs = ofKind(rendered.most, 'Deployment').map(({ spec }) => replacement.replace('$1', spec.template.metadata.labels['app.kubernetes.io/component']) as string)
  t.strictSame(jobs.sort(), ['sallyport-api', 'sallyport-worker-score', 'sallyport-worker-sync', 'sallyport-worker-upkeep'])
  const pattern = /up\{job=~"([^"]+)"\}/.exec(home.groups.flatMap((group) => group.rules).find(({ alert }) => alert === 'SallyportDown')!.expr)![1]!
  for (const job of jobs) t.match(job, new RegExp(`^${pattern}$`), 'a process that is down is noticed')
})

t.test('what selects pods finds some, and budgets and scalers name what there is', async (t) => {
  for (const manifests of Object.values(rendered)) {
    const labels = podsOf(manifests).map((one) => one.spec.template.metadata.labels as Record<string, string>)
    const finds = (selector: Record<string, string>): boolean => labels.some((one) => Object.entries(selector).every(([key, value]) => one[key] === value))
    for (const { kind, metadata, spec } of manifests) {
      const selector = kind === 'Service' ? spec.selector : kind === 'NetworkPolicy' ? spec.podSelector.matchLabels : ['Deployment', 'PodDisruptionBudget'].includes(kind) ? spec.selector.matchLabels : undefined
      if (selector !== undefined) t.ok(finds(selector), `${kind} ${metadata.name}`)
      if (spec?.scaleTargetRef !== undefined) t.ok(ofKind(manifests, 'Deployment').some((one) => one.metadata.name === spec.scaleTargetRef.name), `${kind} ${metadata.name}`)
    }
    for (const { metadata: { name }, spec } of ofKind(manifests, 'Deployment')) {
      const isScaled = manifests.some((one) => one.spec?.scaleTargetRef?.name === name)
      t.equal(spec.replicas === undefined, isScaled, `${name}: a number of replicas would undo what the scaler does`)
      t.ok(ofKind(manifests, 'PodDisruptionBudget').some((one) => one.metadata.name === name))
    }
  }
})

t.test('scalers and alerts ask for metrics that there are', async (t) => {
  const { body } = await createMetrics().render()
  const known = new Set([...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!))
  const asked = [
    ...ofKind(rendered.most, 'ScaledObject').flatMap(({ spec }) => spec.triggers.map((one: { metadata: { query: string } }) => one.metadata.query) as string[]),
    ...ofKind(rendered.most, 'PrometheusRule').flatMap(({ spec }) => spec.groups.flatMap((group: { rules: Array<{ expr: string }> }) => group.rules.map(({ expr }) => expr)) as string[])
  ]
  t.ok(asked.length >= 3)
  t.ok(asked.includes('max(sallyport_unscored_oldest_seconds{namespace="security"})'), 'the group that judges grows by how long reports wait')
  t.ok(asked.includes('max(sallyport_queue_oldest_waiting_seconds{namespace="security",queue="sync"})'), 'the others by how long jobs do')
  t.notOk(asked.some((query) => query.includes('queue="score"')))
  for (const query of asked) for (const [name] of query.matchAll(/\bsallyport_\w+/g)) t.ok(known.has(name.replace(/_(?:bucket|sum|count)$/, '')), name)
})

t.test('the network is open to phones and closed otherwise', async (t) => {
  const policies = new Map(ofKind(rendered.least, 'NetworkPolicy').map(({ metadata, spec }) => [metadata.name, spec]))
  t.strictSame([...policies.keys()].sort(), ['mtd-sallyport', 'mtd-sallyport-api', 'mtd-sallyport-https'])
  t.strictSame(policies.get('mtd-sallyport').policyTypes, ['Ingress', 'Egress'])
  t.equal(policies.get('mtd-sallyport').ingress, undefined, 'nobody reaches the operations port unless he is named')
  t.strictSame(policies.get('mtd-sallyport-api').ingress, [{ ports: [{ port: 8080, protocol: 'TCP' }] }])
  t.ok(existsSync(join(CHART, 'templates/NOTES.txt')))
})

t.test('the page says how many connections PostgreSQL must take for the chart as it is', async (t) => {
  const { api, workers } = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Values
  const processes = [{ ofOne: connectionsOf('api', 'redis'), ...api }, ...Object.values(workers).map((one) => ({ ofOne: connectionsOf('worker', 'redis'), ...one }))]
  const sum = (of: (one: Scaled) => number): number => processes.reduce((sum, one) => sum + one.ofOne * of(one), 0)
  const page = readFileSync(join(packageRoot, 'docs/kubernetes.md'), 'utf8')
  t.match(page, `queues in Redis ${sum(({ replicas }) => replicas)} at least and ${sum(({ replicas, autoscaling }) => autoscaling.enabled ? autoscaling.maxReplicas : replicas)} when all has scaled up`)
})
