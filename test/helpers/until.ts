/** Waits for a condition. */
export async function until (condition: () => boolean | Promise<boolean>, what: string, limitMs = 60_000): Promise<void> {
  for (const deadline = Date.now() + limitMs; !await condition(); await new Promise((resolve) => setTimeout(resolve, 5))) {
    if (Date.now() > deadline) throw new Error(`not in ${limitMs / 1000} seconds: ${what}`)
  }
}
