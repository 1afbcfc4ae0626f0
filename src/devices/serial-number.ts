/** What a phone says of itself, unless it says that it does not know. */
export const known = (text: string | undefined): string | undefined =>
  text === undefined || /^(?:|unknown|null)$/i.test(text.trim()) ? undefined : text.trim()

/** A serial number that tells phones apart. Some phones all say "unknown", "0123456789ABCDEF" or zeros: two of those are not the same phone. */
export function tellingSerial (serial: string | undefined): string | undefined {
  const text = known(serial)
  return text === undefined || text.length < 5 || /^(.)\1*$/.test(text) || /^(?:0123456789abcdef|123456789|1234567890)$/i.test(text) ? undefined : text
}
