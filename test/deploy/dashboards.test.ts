import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { createMetrics } from '../../src/platform/metrics.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { faultsOf } from './promql.js'

const read = (path: string): string => readFileSync(join(packageRoot, 'deploy', path), 'utf8')

interface Panel { readonly id: number, readonly title: string, readonly datasource?: { uid: string }, readonly targets?: ReadonlyArray<{ expr: string }> }

t.test('the dashboard asks for metrics that Sallyport has, and shows each of them', async (t) => {
  const { panels } = JSON.parse(read('grafana/dashboards/sallyport.json')) as { panels: Panel[] }
  const known = new Set([...(await createMetrics().render()).body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!))
  const asked = new Set<string>()
  for (const { title, targets = [] } of panels) {
    for (const { expr } of targets) {
      for (const [, name] of expr.matchAll(/\b(sallyport_[a-z0-9_]+)/g)) {
        const base = name!.replace(/_(?:bucket|sum|count)$/, '')
        asked.add(base)
        t.ok(known.has(base), `${title}: ${name}`)
      }
      t.strictSame(faultsOf(expr), [], `${title}: its labels`)
    }
  }
  const own = [...known].filter((name) => name.startsWith('sallyport_') && !/^sallyport_(?:process|nodejs)_/.test(name))
  t.strictSame(own.filter((name) => !asked.has(name)), [], 'every metric of our own is on the dashboard')
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
})

t.test('Grafana finds its data source and its dashboards', async (t) => {
  const { datasources } = parse(read('grafana/provisioning/datasources/prometheus.yml')) as { datasources: Array<{ uid: string, url: string }> }
  const { panels } = JSON.parse(read('grafana/dashboards/sallyport.json')) as { panels: Panel[] }
  for (const { title, datasource } of panels) if (datasource !== undefined) t.equal(datasource.uid, datasources[0]!.uid, title)
  t.equal(new URL(datasources[0]!.url).hostname, 'prometheus')

  const compose = parse(readFileSync(join(packageRoot, 'docker-compose.yml'), 'utf8'), { merge: true }) as { services: Record<string, { volumes: string[] }> }
  const { providers } = parse(read('grafana/provisioning/dashboards/sallyport.yml')) as { providers: Array<{ options: { path: string } }> }
  t.ok(compose.services.grafana!.volumes.includes(`./deploy/grafana/dashboards:${providers[0]!.options.path}:ro`))
})

t.test('Prometheus asks the services that there are', async (t) => {
  const { scrape_configs: jobs } = parse(read('prometheus/prometheus.yml')) as { scrape_configs: Array<{ dns_sd_configs: Array<{ names: string[], port: number }> }> }
  const compose = parse(readFileSync(join(packageRoot, 'docker-compose.yml'), 'utf8'), { merge: true }) as { services: Record<string, unknown> }
  for (const { dns_sd_configs: [target] } of jobs) {
    for (const name of target!.names) t.ok(name in compose.services, name)
    t.equal(target!.port, 9090)
  }
})
