/** For tests of minutes that say what shorter ones say too: `SLOW_TESTS=1 npm test` runs them. */
export const SLOW: { readonly skip: string | false } = { skip: process.env.SLOW_TESTS === '1' ? false : 'SLOW_TESTS=1 runs it' }
