import type { UserTexts } from '../user-text.js'

export const networkTexts: UserTexts = {
  'net-tls-interception': {
    title: 'Somebody on this network is reading encrypted connections ({subject}).',
    steps: [
      'Leave this network now and use mobile data.',
      'Do not sign in to anything on it.',
      'If you entered a password here, change it on another network.'
    ]
  },
  'net-c2-domain': {
    title: 'This phone talked to a server used by criminals ({subject}).',
    steps: [
      'Do not enter passwords on this phone for now.',
      'Uninstall apps that you do not know.',
      'Ask your security team to look at the phone.'
    ]
  },
  'net-user-ca': {
    title: 'A certificate was added to this phone with which others can read your connections ({subject}).',
    steps: [
      'Open the settings and search for "certificates" (on an iPhone: General, VPN & Device Management).',
      'Remove the certificate, unless your IT team told you to install it.'
    ]
  },
  'net-tls-interception-trusted-ca': {
    title: 'Somebody reads encrypted connections with a certificate that this phone trusts ({subject}).',
    steps: [
      'Leave this network now and use mobile data.',
      'Open the settings, search for "certificates", and remove those that you do not know.',
      'If you entered a password here, change it on another network.'
    ]
  },
  'net-ssl-strip': {
    title: 'Somebody on this network takes the encryption off pages ({subject}).',
    steps: [
      'Leave this network now and use mobile data.',
      'If you entered a password here, change it on another network.'
    ]
  },
  'net-gateway-change': {
    title: 'The way out of this network changed while you were connected ({subject}).',
    steps: [
      'If you do not know this network, leave it.',
      'On your own network there is nothing to do.'
    ]
  },
  'net-captive-portal': {
    title: 'This network shows you a page of its own before it lets you through ({subject}).',
    steps: [
      'Nothing to do. Do not enter passwords of your work on that page.'
    ]
  },
  'net-port-scan': {
    title: 'Somebody on this network has tried out what this phone answers to ({subject}).',
    steps: [
      'If you do not know this network, leave it.'
    ]
  },
  'net-arp-scan': {
    title: 'Somebody on this network is looking for the devices in it ({subject}).',
    steps: [
      'If you do not know this network, leave it.'
    ]
  },
  'net-arp-spoof': {
    title: 'Somebody on this network may be redirecting your connections ({subject}).',
    steps: [
      'Leave this network and use mobile data.',
      'Do not sign in to anything on it.'
    ]
  },
  'net-rogue-ap': {
    title: 'This Wi-Fi may be run by attackers ({subject}).',
    steps: [
      'Leave this Wi-Fi now.',
      'Open the Wi-Fi settings and forget it, so that the phone does not connect by itself.',
      'If you entered a password while you were on it, change it on another network.'
    ]
  },
  'net-evil-twin': {
    title: 'This Wi-Fi may only pretend to be one that you know ({subject}).',
    steps: [
      'Leave this Wi-Fi and use mobile data.',
      'Open the Wi-Fi settings and forget it.',
      'Tell your IT team where you were.',
      'If you entered a password while you were on it, change it on another network.'
    ]
  },
  'net-danger-zone': {
    title: 'Others had trouble with this Wi-Fi ({subject}).',
    steps: [
      'Use mobile data or another Wi-Fi here.',
      'Open the Wi-Fi settings and forget this one.'
    ]
  },
  'net-open-wifi': {
    title: 'This Wi-Fi has no encryption ({subject}).',
    steps: [
      'Use mobile data or your company\'s VPN for work while you are here.'
    ]
  },
  'net-weak-wifi': {
    title: 'The encryption of this Wi-Fi can be broken ({subject}).',
    steps: [
      'Use another Wi-Fi or mobile data.',
      'If it is your own Wi-Fi, set the router to WPA2 or WPA3.'
    ]
  },
  'net-dns-tamper': {
    title: 'This network may be sending you to wrong addresses ({subject}).',
    steps: [
      'Leave this network and use mobile data.',
      'Do not sign in to anything on it.'
    ]
  },
  'net-private-dns-off': {
    title: 'Private DNS is off, so networks can see and change where names lead.',
    steps: [
      'Open the settings, then Network & internet, then Private DNS.',
      'Choose Automatic.'
    ]
  },
  'net-hosts-modified': {
    title: 'A protected file of this phone was changed, so that addresses can lead to other places.',
    steps: [
      'Do not sign in to anything on this phone for now.',
      'Save what you need.',
      'Ask your IT team to install the original system again.'
    ]
  },
  'net-proxy': {
    title: 'Your connections run through another computer ({subject}).',
    steps: [
      'Open the Wi-Fi settings and the details of this Wi-Fi.',
      'Turn the proxy off, unless your IT team told you to set it.'
    ]
  },
  'net-vpn-unmanaged': {
    title: 'Your connections run through a VPN that is not your organisation\'s ({subject}).',
    steps: [
      'Turn this VPN off while you work.',
      'If you do not know it, remove it in the settings under VPN.'
    ]
  },
  'net-vpn-missing': {
    title: 'The VPN that your organisation asks for is not connected.',
    steps: [
      'Open your company\'s VPN app and connect.'
    ]
  },
  'net-cert-validation-failure': {
    title: 'A server could not prove who it is ({subject}).',
    steps: [
      'Try again on another network.',
      'Do not go on past a warning about a certificate.'
    ]
  },
  'net-phishing-blocked': {
    title: 'A page that steals passwords was blocked ({subject}).',
    steps: [
      'Nothing to do: the page did not open.',
      'If a message led you there, do not answer it, and show it to your security team.'
    ]
  },
  'net-phishing-visited': {
    title: 'A page that steals passwords was opened ({subject}).',
    steps: [
      'Close the page.',
      'If you entered a password or a code there, change the password now on the real site.',
      'Tell your security team.'
    ]
  },
  'net-malicious-site': {
    title: 'A dangerous page was asked for ({subject}).',
    steps: [
      'If it is open, close it, and do not install anything from it.',
      'If you installed something from it, uninstall it.',
      'If you fear that somebody watches this phone, ask for help on a device that nobody else uses, for example at stopstalkerware.org.'
    ]
  },
  'net-dga': {
    title: 'Something on this phone seems to search for a server of criminals ({subject}).',
    steps: [
      'Do not enter passwords on this phone for now.',
      'Uninstall apps that you do not know.',
      'Ask your security team to look at the phone.'
    ]
  },
  'net-smishing-link': {
    title: 'You got a message that tries to deceive you ({subject}).',
    steps: [
      'Do not open its link and do not answer.',
      'Delete the message.',
      'If you entered a password or a code, change it now and tell your security team.'
    ]
  },
  'net-denied-content': {
    title: 'Your organisation does not want this site on this phone ({subject}).',
    steps: [
      'Nothing is broken. If you need the site for your work, ask your IT team.'
    ]
  },
  'net-internal-access': {
    title: 'An app looks around in your organisation\'s network ({subject}).',
    steps: [
      'If you do not need this app, uninstall it.',
      'If you need it for your work, tell your IT team.'
    ]
  },
  'net-rogue-cell': {
    title: 'A mobile tower near you may be false ({subject}).',
    steps: [
      'Go somewhere else before you make calls or send messages that matter.',
      'Open the settings, then Network & internet, then SIMs, and turn off 2G.',
      'Tell your security team where it was.'
    ]
  },
  'net-2g-enabled': {
    title: 'This phone may use old mobile networks, which can be faked.',
    steps: [
      'Open the settings, then Network & internet, then SIMs.',
      'Turn off Allow 2G. Emergency calls still work.'
    ]
  },
  'net-sim-changed': {
    title: 'The SIM of this phone has changed.',
    steps: [
      'If you changed it yourself, there is nothing to do.',
      'If not, call your mobile operator now and ask whether your number was moved.',
      'Tell your security team.'
    ]
  },
  'net-radio-exposed': {
    title: 'Something is switched on that your organisation wants off ({subject}).',
    steps: [
      'Switch it off in the settings while you do not need it.'
    ]
  },
  'net-web-protection-off': {
    title: 'Protection from dangerous pages is off.',
    steps: [
      'Open the security app.',
      'Turn web protection on again.'
    ]
  }
}
