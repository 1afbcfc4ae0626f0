export const LANGUAGES = ['en', 'de'] as const
export type Language = (typeof LANGUAGES)[number]

/** What a phone's user reads about a finding. `{subject}` stands for the finding's subject. */
export interface UserText {
  /** One plain sentence: what is wrong. No jargon, no blame. */
  readonly title: string
  /** What to do, in this order. */
  readonly steps: readonly string[]
}

/** Texts by detection id. A test checks that every language has every detection. */
export type UserTexts = Readonly<Record<string, UserText>>
