import t from 'tap'
import { reasonOf } from '../../bench/scale-reason.js'

const MEASURED = {
  reports: 10_000,
  seconds: 10,
  cores: 2,
  cpuSeconds: { api: 5, worker: 8, postgres: 4, load: 2 },
  idleSeconds: 1,
  processes: { api: 1, worker: 2, postgres: 1, load: 1 }
}

t.test('where no core is idle the processor is the reason, and what PostgreSQL and the load take bounds it', (t) => {
  const reason = reasonOf(MEASURED)
  t.match(reason, { perSecond: 1_000, per1000: { api: 0.5, worker: 0.8, postgres: 0.4, load: 0.2 }, share: { api: 0.26, worker: 0.42 }, idleShare: 0.05, elsewhereShare: 0, ceilingOfPostgresAndLoad: 3_333.33 })
  t.match(reason.text, /^the processor: 5% of it idle\. 1,000 reports take 1\.9 processor seconds \(api 0\.5, worker 0\.8, postgres 0\.4, load 0\.2\), so 2 cores end at 1053 a second and 1000 were reached/)
  t.match(reason.text, /PostgreSQL and the load alone take 32% of it/)
  t.notMatch(reason.text, /other programs/)
  t.end()
})

t.test('a process that has its one core is the reason where others are idle', (t) => {
  const one = { ...MEASURED, cores: 8, cpuSeconds: { ...MEASURED.cpuSeconds, api: 9 }, idleSeconds: 50 }
  t.match(reasonOf(one).text, /^each api process has the one core it can use, while 63% of the machine is idle: another process would help/)
  t.match(reasonOf({ ...one, processes: { ...one.processes, api: 2 } }).text, /^not the processor, of which 63% is idle, nor a process/)
  t.end()
})

t.test('what other programs took is told', (t) => {
  const reason = reasonOf({ ...MEASURED, cpuSeconds: { api: 3, worker: 4, postgres: 2, load: 1 } })
  t.equal(reason.elsewhereShare, 0.45)
  t.match(reason.text, /other programs had 45% of the machine, so a quiet one does more/)
  t.end()
})
