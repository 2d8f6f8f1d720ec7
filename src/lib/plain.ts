// Text from elsewhere, made safe for a terminal.

/** Control characters (escape sequences too) become "?"; line breaks and tabs become one blank. */
export function plain(text: string): string {
  return text.replace(/\s*[\r\n\t]+\s*/g, " ").replace(/\p{C}/gu, "?");
}
