/**
 * Certificates whose private keys everybody has: the test keys that the Android Open Source
 * Project publishes (build/target/product/security). Much harmless hobby software is signed with
 * them, so a feed that lists one must not turn all of it into malware.
 */
export const PUBLIC_SIGNING_KEYS: ReadonlySet<string> = new Set([
  // testkey: SHA-256, SHA-1, MD5
  'a40da80a59d170caa950cf15c18c454d47a39b26989d8b640ecd745ba71bf5dc',
  '61ed377e85d386a8dfee6b864bd85b0bfaa5af81',
  'e89b158e4bcf988ebd09eb83f5378e87',
  // platform: SHA-256, SHA-1
  'c8a2e9bccf597c2fb6dc66bee293fc13f2fc47ec77bc6b2b0d52c11f51192ab8',
  '27196e386b875e76adf700e7ea84e4c6eee33dfa',
  // shared, media, networkstack: SHA-256
  '28bbfe4a7b97e74681dc55c2fbb6ccb8d6c74963733f6af6ae74d8c3a6e879fd',
  '465983f7791f2abeb43ea2cbdc7f21a8260b72bc08a55c839fc1a43bc741a81e',
  'e1dbadce60dc080d15b58a014b0dcf9400e24de23fa00b287a5a982bfebda2ee'
])
