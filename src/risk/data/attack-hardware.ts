/**
 * First three bytes of the hardware addresses that tools for attacking Wi-Fi have as they are
 * sold. `00:13:37` ("leet") is what the WiFi Pineapple of Hak5 uses; the IEEE gave it to Orient
 * Power Home Network, a maker of players. Whoever wants to hide changes the address, and anybody
 * can take this one, so it is worth a look and proves nothing.
 */
export const ATTACK_HARDWARE: ReadonlyMap<string, string> = new Map([
  ['00:13:37', 'a WiFi Pineapple']
])
