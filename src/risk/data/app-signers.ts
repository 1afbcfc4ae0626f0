/**
 * SHA-256 of the certificates that sign apps which are often imitated. All that their makers ever
 * used: Android tells an older key where it does not know the newer one (APK Signature Scheme
 * v3.1). https://signal.org/android/apk, https://f-droid.org/docs/Release_Channels_and_Signing_Keys,
 * and for WhatsApp what apksigner says of the APK at https://www.whatsapp.com/android.
 */
export const KNOWN_SIGNERS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['com.whatsapp', new Set(['3987d043d10aefaf5a8710b3671418fe57e0e19b653c9df82558feb5ffce5d44', 'fb920d381bee1b2093f27dc8f13d994da629dc91887d0529b35c9a2dc4f4a6c2'])],
  ['org.thoughtcrime.securesms', new Set(['29f34e5f27f211b424bc5bf9d67162c0eafba2da35af35c16416fc446276ba26', '4be4f6cd5be844083e900279dc822af65a547fecc26aba7ff1f5203a45518cd8'])],
  ['org.fdroid.fdroid', new Set(['43238d512c1e5eb2d6569f4a3afbf5523418b82e0a3ed1552770abb9a9c9ccab'])]
])
