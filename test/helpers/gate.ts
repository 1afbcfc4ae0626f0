/** Something to wait for until it is opened. */
export interface Gate { readonly opened: Promise<void>, open (): void }

export function createGate (): Gate {
  let open!: () => void
  const opened = new Promise<void>((resolve) => { open = resolve })
  return { opened, open }
}
