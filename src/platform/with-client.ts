import pg from 'pg'

/** Works with a connection of its own, which ends with the work: what was begun and not committed is taken back. */
export async function withClient<T> (options: { readonly connectionString: string, readonly applicationName: string }, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: options.connectionString, application_name: options.applicationName })
  // A connection that breaks fails the query; the event alone would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
