/** Colours that we set ourselves are let through; all else that moves a terminal is shown as JSON writes it. */
// eslint-disable-next-line no-control-regex
const COMMANDS = /\u001b(?!\[(?:[0-2]|22|3[0-79])m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
// eslint-disable-next-line no-control-regex
const LINES = /[\u0000-\u001f\u2028\u2029]+/g

/**
 * Text as a terminal may have it. Apps, phones, feeds and servers are named by strangers: no name may move the cursor, set the
 * window's title, write to the clipboard, or turn the direction of what stands beside it. What is JSON stays the same JSON.
 */
export const showable = (text: string): string => text.replace(COMMANDS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** A stranger's words within a line of ours: they cannot begin another. */
export const oneLine = (text: string): string => text.replace(LINES, ' ')

/** Writes to standard output what a terminal may have. */
export function say (text: string): void {
  process.stdout.write(showable(text))
}
