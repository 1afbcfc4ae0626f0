/** What authors write so that nobody clicks, and what it stands for. */
const DEFANGED: ReadonlyArray<readonly [RegExp, string]> = [
  [/^\s*h(?:xx|\*\*|__)p(?=s?\W)/i, 'http'],
  [/^\s*fxp(?=s?\W)/i, 'ftp'],
  [/\[:\/\/\]|\(:\/\/\)/g, '://'],
  [/\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\{dot\}|\\\./gi, '.'],
  [/\[:\]|\(:\)/g, ':'],
  [/\[\/\]/g, '/'],
  [/\[at\]|\(at\)|\[@\]|\(@\)/gi, '@']
]

/**
 * `hxxps://evil[.]example` as it was before somebody made it safe to click on: the one place
 * that knows how. What is not defanged stays as it is.
 */
export function refang (text: string): string {
  return DEFANGED.reduce((plain, [written, meant]) => plain.replace(written, meant), text)
}
