/** A text without the characters at its end that are of these. As a regular expression it would take the square of the time for a text that is full of them. */
export function trimEndOf (text: string, characters: string): string {
  let end = text.length
  while (end > 0 && characters.includes(text[end - 1]!)) end--
  return text.slice(0, end)
}
