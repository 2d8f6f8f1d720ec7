import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { dropFilePages, unchangedMappings } from "./pages.ts";

const smaps = (line: string, anonymous: number) => `${line}
Size:                 64 kB
Rss:                  64 kB
Anonymous:             ${anonymous} kB
AnonHugePages:         0 kB
VmFlags: rd ex mr mw me sd
`;

test("only what nobody can write and nobody changed is given back", () => {
  const text = [
    smaps("00400000-00410000 r-xp 00000000 08:01 77                     /usr/bin/node", 0),
    smaps("00410000-00420000 r--p 00010000 08:01 77                     /usr/bin/node", 4),
    smaps("00420000-00430000 rw-p 00020000 08:01 77                     /usr/bin/node", 0),
    smaps("00430000-00440000 r--s 00000000 08:01 78                     /etc/locale", 0),
    smaps("7f0000000000-7f0000010000 r-xp 00000000 00:00 0 ", 0),
    smaps("7f0000020000-7f0000030000 r-xp 00000000 00:00 0              [vdso]", 0),
    smaps("7fffffff0000-7fffffff1000 r--p 00000000 08:01 79             /usr/lib/with a space.so", 0),
  ].join("");
  assert.deepEqual(unchangedMappings(text), [
    { start: 0x400000n, length: 0x10000 },
    { start: 0x7fffffff0000n, length: 0x1000 },
  ]);
});

test("a program goes on after its pages were given back, and has fewer of them", () => {
  const filePages = () => Number(/^RssFile:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  const before = filePages();
  dropFilePages();
  assert.ok(filePages() < before);
  assert.equal(JSON.parse(JSON.stringify({ works: new Date(0).toISOString() })).works.slice(0, 4), "1970");
});
