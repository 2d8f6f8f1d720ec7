// A command line in one string, taken apart into words. No shell is involved, here or later.

import { type Read, read, refuse } from "./kit.ts";

/** What would mean something to a shell and means nothing here. */
const SHELL = /[|&;<>()$`*?\n]/;
const SHELL_AT_START = /[~#]/;

/**
 * Splits at blanks. 'single' and "double" quotes keep blanks together, a backslash keeps the next
 * character. Unquoted characters that only a shell understands are refused rather than passed on:
 * a pipe that silently became an argument would be found out in the failover that needs it.
 */
export function splitWords(line: string): Read<readonly string[]> {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let i = 0; i < line.length; i++) {
    const character = line.charAt(i);
    if (quote !== null) {
      if (character === quote) quote = null;
      else if (character === "\\" && quote === '"' && /["\\$`]/.test(line.charAt(i + 1)))
        word += line.charAt(++i);
      else word += character;
    } else if (character === " " || character === "\t") {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (character === "\\") {
      if (i + 1 === line.length) return refuse("the command ends in a backslash", "remove it, or write two");
      word = (word ?? "") + line.charAt(++i);
    } else if (SHELL.test(character) || (word === null && SHELL_AT_START.test(character))) {
      const message = `${JSON.stringify(character)} has no meaning here: commands run without a shell`;
      return refuse(message, 'put it in quotes, or write [/bin/sh, -c, "..."]');
    } else word = (word ?? "") + character;
  }
  if (quote !== null) return refuse(`a ${quote} is not closed`, `write \\${quote} for the character itself`);
  if (word !== null) words.push(word);
  return words[0] ? read(words) : refuse("the command is empty", "the path of a program, and its arguments");
}
