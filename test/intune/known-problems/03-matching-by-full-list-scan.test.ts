import { randomUUID } from 'node:crypto'
import t from 'tap'
import { setUpReconciling } from '../reconcile/helpers.js'

const urlsOf = (requests: ReadonlyArray<{ readonly url: string }>): string[] => requests.map(({ url }) => decodeURIComponent(url).replaceAll('+', ' '))

t.test('a phone is looked up by its Entra device id, never by going through the list', async (t) => {
  const { db, atIntune, enrolHere, round, control, requests } = await setUpReconciling(t)
  await atIntune(Array.from({ length: 40 }, () => ({ entraDeviceId: randomUUID() })))
  await round()
  const phones = [await enrolHere({}), await enrolHere({}), await enrolHere({})]
  await atIntune(phones.map(({ entraDeviceId }) => ({ entraDeviceId })))
  await db.updateTable('reconciliation').set({ checked_in_until: new Date(Date.now() + 3_600_000) }).execute()
  await control('DELETE', '/requests')
  t.match(await round({ isFull: false }), { counts: { seen: 3, unknownAtIntune: 0 } })

  const asked = urlsOf(await requests('managedDevices'))
  for (const { entraDeviceId } of phones) t.equal(asked.filter((url) => url.includes(`$filter=azureADDeviceId eq '${entraDeviceId}'`)).length, 1, 'one question a phone')
  t.ok(asked.length > 0 && asked.every((url) => /\$filter=(azureADDeviceId eq '[0-9a-f-]{36}'|lastSyncDateTime gt )/.test(url)), 'nothing is asked for without a filter')
  t.ok(asked.every((url) => !/macAddress|wiFiMac|ethernetMac/i.test(url)), 'and nothing by an address')
})

t.test('a whole list is read in pages of a thousand, with the properties that are needed', async (t) => {
  const { atIntune, round, control, requests } = await setUpReconciling(t)
  await atIntune(Array.from({ length: 30 }, () => ({ entraDeviceId: randomUUID() })))
  await control('DELETE', '/requests')
  await round()
  const asked = urlsOf(await requests('managedDevices'))
  t.equal(asked.length, 1)
  t.match(asked[0], /\$select=id,azureADDeviceId,.*partnerReportedThreatState&\$top=1000$/)
})
