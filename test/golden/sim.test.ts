// Runs each test/golden/sim-*.txt in the virtual world: the moves above the dashes must yield the lines below.
// UPDATE_GOLDEN=1 writes what they yield; the difference is then reviewed like code.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { playSimStory } from "./sim-story.ts";

const FOLDER = import.meta.dirname;
const DASHES = "----";

for (const name of readdirSync(FOLDER).filter((each) => /^sim-.*\.txt$/.test(each))) {
  test(`story ${name}`, () => {
    const path = `${FOLDER}/${name}`;
    const text = readFileSync(path, "utf8");
    const [moves = "", expected = ""] = text.split(`${DASHES}\n`);
    assert.match(moves, /^# /, "the header tells why the story exists");
    const told = `${playSimStory(moves.split("\n")).join("\n")}\n`;
    if (process.env.UPDATE_GOLDEN === "1") writeFileSync(path, `${moves}${DASHES}\n${told}`);
    else assert.equal(told, expected);
  });
}
