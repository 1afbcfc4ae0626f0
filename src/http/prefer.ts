/** The seconds of `wait` in a Prefer header (RFC 7240, section 4.3); undefined when there is none. The first of several counts. */
export function preferredWait (header: string | readonly string[] | undefined): number | undefined {
  const text = typeof header === 'string' ? header : header?.join(',')
  const [, seconds] = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=$|[,;])/i.exec(text ?? '') ?? []
  return seconds === undefined ? undefined : Number(seconds)
}
