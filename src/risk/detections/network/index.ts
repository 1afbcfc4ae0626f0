import type { Detection } from '../../detection.js'
import { netArpSpoof } from './net-arp-spoof.js'
import { netC2Domain } from './net-c2-domain.js'
import { netCertValidationFailure } from './net-cert-validation-failure.js'
import { netDeniedContent } from './net-denied-content.js'
import { netDga } from './net-dga.js'
import { netDnsTamper } from './net-dns-tamper.js'
import { netEvilTwin } from './net-evil-twin.js'
import { netInternalAccess } from './net-internal-access.js'
import { netMaliciousSite } from './net-malicious-site.js'
import { netOpenWifi } from './net-open-wifi.js'
import { netPhishingBlocked, netPhishingVisited } from './net-phishing.js'
import { netProxy } from './net-proxy.js'
import { netDangerZone, netRogueAp } from './net-rogue-ap.js'
import { netRogueCell } from './net-rogue-cell.js'
import { net2gEnabled, netHostsModified, netPrivateDnsOff, netRadioExposed } from './net-settings.js'
import { netSimChanged } from './net-sim-changed.js'
import { netSmishingLink } from './net-smishing-link.js'
import { netTlsInterceptionTrustedCa } from './net-tls-interception-trusted-ca.js'
import { netTlsInterception } from './net-tls-interception.js'
import { netUserCa } from './net-user-ca.js'
import { netVpnMissing, netVpnUnmanaged } from './net-vpn.js'
import { netWeakWifi } from './net-weak-wifi.js'
import { netWebProtectionOff } from './net-web-protection-off.js'
import { NETWORK_CONDITIONS } from './on-the-network.js'

/** Network and web. */
export const NETWORK_DETECTIONS: readonly Detection[] = [
  netTlsInterception,
  netTlsInterceptionTrustedCa,
  ...NETWORK_CONDITIONS,
  netArpSpoof,
  netRogueAp,
  netEvilTwin,
  netDangerZone,
  netOpenWifi,
  netWeakWifi,
  netDnsTamper,
  netPrivateDnsOff,
  netHostsModified,
  netProxy,
  netVpnUnmanaged,
  netVpnMissing,
  netUserCa,
  netCertValidationFailure,
  netPhishingBlocked,
  netPhishingVisited,
  netMaliciousSite,
  netC2Domain,
  netDga,
  netSmishingLink,
  netDeniedContent,
  netInternalAccess,
  netRogueCell,
  net2gEnabled,
  netSimChanged,
  netRadioExposed,
  netWebProtectionOff
]
