/** A name of the catalogue as statements have it. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`
