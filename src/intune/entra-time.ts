import { type Dispatcher, request } from 'undici'

const ANSWER_LIMIT_MS = 5_000

/** What time it is at Entra, by the Date header of an answer: right to a second. @throws when Entra does not answer */
export async function askEntraTime ({ authorityHost, agent }: { readonly authorityHost: string, readonly agent: Dispatcher }): Promise<Date> {
  const { headers, body } = await request(new URL('/common/v2.0/.well-known/openid-configuration', authorityHost), { method: 'HEAD', dispatcher: agent, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) })
  await body.dump()
  const time = new Date(String(headers.date))
  if (Number.isNaN(time.getTime())) throw new Error('Entra\'s answer does not say what time it is')
  return time
}
