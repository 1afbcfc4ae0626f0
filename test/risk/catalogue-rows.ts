/**
 * The project's catalogue of threats, written down by hand: id, platforms (A Android, I iOS and iPadOS), the level a row starts
 * from (adv: recorded), ATT&CK techniques. `state`: a reporting state.
 */
const ROWS = `
app-malware-known AI high T1655
app-mercenary-spyware AI high T1404 T1429 T1636
app-stalkerware A high T1430 T1636 T1628.001
app-watchware AI med T1430
app-banking-trojan A high T1417.002 T1453
app-ransomware A high T1471
app-backdoor AI high T1663 T1437.001
app-root-enabler A high T1404
app-exploit AI high T1404 T1658
app-dropper A high T1544 T1407
app-toll-fraud A high T1582 T1643
app-click-fraud A med T1643
app-spam-sender A med T1582
app-adware AI low T1643
app-pua AI low -
app-low-reputation A low -
app-backup-tool AI low T1533
app-location-tracking AI low T1430
app-hacking-tool AI med T1423
app-dangerous AI high T1626
app-remote-access AI med T1663
app-denylisted AI high -
app-not-allowlisted AI low -
app-sideloaded A med T1632.001
app-adb-installed A med T1458
app-third-party-store A adv -
app-non-store-signer-ios I med T1632.001
app-adhoc-signed-ios I low T1632.001
app-beta-ios I adv T1661
app-alt-marketplace-ios I low T1632.001
app-unvalidated-ios I low T1632.001
app-cert-mismatch A high T1655.001 T1577
app-lookalike AI med T1655.001
app-debug-certificate A low T1632.001
app-debuggable A low T1631.001
app-target-sdk-old A low -
app-vulnerable AI med T1658
app-kev-vulnerable AI high T1658 T1456
app-update-available I adv -
app-removed-from-store AI low -
app-risky-permissions A low T1636
app-accessibility-service A med T1453 T1516
app-overlay A low T1417.002
app-screen-capture-control A med T1513 T1516
app-notification-listener A low T1517
app-device-admin A med T1626.001 T1629.001
app-install-packages A low T1544
app-sms-access A low T1636.004 T1582
app-hidden-icon A med T1628.001
app-third-party-keyboard AI low T1417.001
app-hooking-framework A high T1617
app-c2-contact AI high T1437.001 T1646
app-data-leak-card AI high T1639.001
app-data-leak-password AI med T1639.001
app-data-leak-identity AI low T1639.001
app-privacy-transmission A low T1646
app-malicious-file A med T1544
app-vpn-personal AI adv T1604
app-security-disabled A med T1629.003
app-agent-tampered AI high T1629.003 T1645
net-tls-interception AI high T1638
net-tls-interception-trusted-ca AI high T1638 T1632
net-ssl-strip AI high T1638
net-arp-spoof AI med T1638
net-gateway-change AI low T1638
net-rogue-ap AI med T1638
net-evil-twin AI high T1638
net-danger-zone AI low T1638
net-open-wifi AI adv T1638
net-weak-wifi AI low T1638
net-captive-portal AI adv T1638
net-dns-tamper AI high T1638
net-private-dns-off A adv T1638
net-hosts-modified A high T1638 T1645
net-proxy AI low T1638
net-vpn-unmanaged AI low T1638
net-vpn-missing AI low -
net-user-ca AI med T1632 T1638
net-cert-validation-failure A low T1638
net-phishing-blocked AI adv T1660
net-phishing-visited AI med T1660
net-malicious-site AI high T1456
net-c2-domain AI high T1437.001
net-dga AI med T1637.001
net-smishing-link AI low T1660
net-denied-content AI adv -
net-port-scan AI adv T1423
net-arp-scan AI adv T1423
net-internal-access AI low T1428
net-rogue-cell A high T1638 T1430.002
net-2g-enabled A adv T1638
net-sim-changed AI med T1451
net-radio-exposed AI adv -
net-web-protection-off AI adv T1629.003
os-outdated AI med T1404 T1664
os-outdated-no-fix AI adv T1404
os-end-of-life AI high T1404 T1664
os-above-maximum AI adv -
os-beta AI low -
os-patch-90d A low T1404
os-patch-180d A med T1404
os-patch-365d A high T1404
os-patch-unknown A adv -
os-update-pending AI low T1404
os-rapid-response-missing I low T1658
os-cve-critical AI med T1404 T1658
os-cve-kev AI high T1404 T1658 T1664
os-update-blocked A med T1629.003
os-unknown-build A high T1645 T1474.002
os-downgraded AI med T1404
os-active-exploit AI high T1404 T1658
os-exploit-trace AI high T1658
os-unsupported-model AI low -
os-lockdown-off-vip I adv -
dev-rooted A high T1404 T1645
dev-jailbroken I high T1404 T1645
dev-root-binary A high T1404
dev-root-hidden A high T1630.003
dev-system-writable A high T1645
dev-system-tampered AI high T1645 T1625.001
dev-suspicious-file A high T1544
dev-selinux-permissive A high T1629.003
dev-bootloader-unlocked A high T1645 T1474.002
dev-attestation-failed A high T1645
dev-attestation-basic-only A med T1645
dev-attestation-hardware A med T1630.003
dev-attestation-ios I high T1645
dev-attestation-stale AI low T1630.003
dev-attestation-hyperactive A low T1633
dev-play-protect-off A med T1629.003
dev-play-protect-verdict A med T1655
dev-no-passcode AI med T1461
dev-passcode-weak AI low T1461
dev-autolock-long AI low T1461
dev-biometric-off AI adv T1461
dev-keyguard-failures A med T1461
dev-unencrypted A high T1409
dev-encryption-default-key A low T1409
dev-developer-mode A low T1458
dev-usb-debugging A med T1458 T1623.001
dev-adb-key A adv T1458
dev-adb-activity A med T1623.001
dev-unknown-sources A low T1632.001
dev-malicious-profile I high T1632.001
dev-untrusted-profile I med T1632.001 T1638
dev-foreign-mdm AI high T1632.001 T1430.001
dev-profile-unremovable I med T1629.001
dev-emulator A high T1633.001 T1670
dev-key-integrity A med T1645
dev-log-gap A low T1630
dev-wipe-failed A high T1461
dev-clock-skew AI adv -
dev-common-criteria-off A low -
dev-linked-device AI low T1676
mgmt-pending AI state -
mgmt-silent AI state -
mgmt-deactivated AI state T1629.003
mgmt-unmanaged AI high T1629.003
mgmt-permission-missing AI low -
mgmt-agent-outdated AI adv -
mgmt-scan-overdue A low -
mgmt-policy-stale AI adv -
mgmt-policy-verification AI adv -
mgmt-inventory-withheld AI adv -
mgmt-push-failed AI adv -
cmp-phish-then-tamper AI high T1660 T1404
cmp-sideload-accessibility A high T1453 T1417.002
cmp-sideload-admin-hidden A high T1626.001 T1628.001
cmp-ca-and-mitm AI high T1638 T1632
cmp-profile-and-proxy I high T1632.001 T1638
cmp-usb-takeover A high T1458
cmp-debug-weak A high T1458 T1461
cmp-attestation-conflict A high T1630.003
cmp-old-and-exploited AI high T1456 T1404
`

export interface CatalogueRow { readonly id: string, readonly platforms: string, readonly start: string, readonly attack: readonly string[] }

export const CATALOGUE_ROWS: readonly CatalogueRow[] = ROWS.trim().split('\n').map((line) => {
  const [id = '', platforms = '', start = '', ...attack] = line.split(' ')
  return { id, platforms, start, attack: attack.filter((technique) => technique !== '-') }
})
