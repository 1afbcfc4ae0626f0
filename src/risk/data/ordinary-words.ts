/**
 * Words of which harmless apps make their names. A family whose name is made of them alone (Find
 * My Phone, Android Monitor, Track View) has no name of its own, so an app id that contains it
 * proves nothing.
 */
export const ORDINARY_WORDS: ReadonlySet<string> = new Set(`
  account accounts activity ad admin advance agent air alarm alert all analytics android anti antivirus any app apps area assist assistant at audio auto awake
  baby back backup band bank bar bark base basic battery beacon best beta bit black block blue bluetooth board bold book boost boot box brave browser bug build
  bus business button by cache calculator calendar call caller calls cam camera car card care cast cell center chat check child children china chrome city clean
  cleaner client clip clock cloud code color com companion compass config connect connection contact contacts control controller cool core couple coupler cover
  cross daily dark dash data day defender demo desk device dev dial dialer digital direct disk display dns do dock doctor document documents download drive
  droid e eagle earth easy edit editor eight email emergency enterprise event events ever every express eye face family fast fence fenced file files film
  filter find finder fire first fit fitness flash flight flow fly focus follow for forward four framework free friend friends full fun galaxy gallery game games
  gate gear get gift global go gold good google gps graph green group guard guardian guest hand handy happy hard health hello help helper hi hidden high highster
  history home hood host hot house hub i icon id image in info input install installer inter internet io is it item job key keyboard kid kids kit lab land
  lane language launcher law legal less let letter level lib life light like line link list lite little live loc local locate location locator lock log logger
  login logs look loop lost love loyal lucky m mac magic mail main make man manager map maps mark market mass master max me media meet meeting mega member memo
  memory menu message messages messenger metal micro mind mini mobile mode modem money monitor monitoring monkey more mother motion motor mouse move movie multi
  music my name nano navi navigation near net network new news next night nine no node north note notes notice now number o observer of off office old on one
  online open orange order our out outlook over own p pack package page paid pal pan panel paper parent parental park part party pass password path pay pc pen
  people perfect personal pet phone phones photo photos pic pick pilot pin ping pixel place plan plane planet play player plus pocket point police pop port post
  power premium print privacy private pro process profile program project prompt protect protection protector provider proxy public pull push quick quiet
  radar radio rain rapid reader ready real record recorder recovery red remote report research reset resolver restore ring road rock room root route router run
  safe safety sail scan scanner scene school score screen search second secure security see self send senior sensor server service services set setting settings
  setup seven share sheriff shield shop short show sick side sight sign signal silent sim simple single site six sky sleep slide smart smoke sms snap social
  soft software solution sound source space spark speak speech speed spot spring stable standard star start state station status stay step stop storage store
  storm story stream street strong studio style sub suite sun super support sure surf switch sync system systems t tab table tag talk tap task team tech
  teen telephone ten test text the theme thing three tiger time timer tiny title to today tool tools top torch total touch tour trace track tracker trackers tracking
  trade traffic train transfer translate travel tree trip true trust try tube turbo tv two u uni unique unit unity up update updater upload us usb use
  user util utility v value vault video view viewer virtual virus visit visual voice volume vpn wake walk wall wallet war warning watch watcher water wave
  way we wear weather web weekly well west what where white who wifi wild win wind window wise with word words work worker world x you your zero zone zoom
`.trim().split(/\s+/))

/** Whether a name, in lower case without spaces, is ordinary words one after the other. */
export function isOrdinary (name: string): boolean {
  // ends[i]: the first i letters are whole words.
  const ends = [true]
  for (let end = 1; end <= name.length; end++) {
    ends[end] = false
    // Single letters are in every name.
    for (let start = end - 2; start >= 0 && !ends[end]; start--) ends[end] = ends[start]! && ORDINARY_WORDS.has(name.slice(start, end))
  }
  return ends[name.length]!
}
