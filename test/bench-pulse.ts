// What a pulse costs: microseconds to encode, seal, open and decode one. Run it with `node test/bench-pulse.ts`.

import { createOpener, createSealer } from "#drivers/datagrams/seal.ts";
import { decodePulse, encodePulse } from "#drivers/pulse/codec.ts";
import { nodeId } from "#model/ids.ts";
import type { Pulse } from "#model/pulse.ts";
import { ms, term } from "#model/units.ts";

const ROUNDS = 20_000;

for (const members of [3, 24]) {
  const pulse = pulseOf(members);
  const bytes = Uint8Array.from(encodePulse(pulse));
  const ring = { key: new Uint8Array(32), cluster: "bench", purpose: "pulse" } as const;
  const sealer = createSealer(ring);
  const open = createOpener(ring);
  const { datagram } = sealer.seal(bytes);
  console.log(`${members} members, ${bytes.length} bytes, ${datagram.length} sealed`);
  measure("encode", () => encodePulse(pulse));
  measure("seal", () => sealer.seal(bytes));
  measure("open", () => open(datagram));
  measure("decode", () => decodePulse(bytes, pulse.from, 1));
  measure("all four", () => {
    const opened = open(sealer.seal(encodePulse(pulse)).datagram);
    if (opened.kind === "opened") decodePulse(opened.content, pulse.from, 1);
  });
  measure("open, foreign key", () => createOpener({ ...ring, cluster: "other" })(datagram));
}

function measure(what: string, run: () => void): void {
  for (let i = 0; i < ROUNDS; i++) run();
  const before = performance.now();
  for (let i = 0; i < ROUNDS; i++) run();
  const each = ((performance.now() - before) * 1000) / ROUNDS;
  console.log(`  ${what.padEnd(18)} ${each.toFixed(2).padStart(7)} us`);
}

function pulseOf(members: number): Pulse {
  const nodes = Array.from({ length: members }, (_, i) => nodeId(`server-${i + 1}`));
  const [from = nodeId("server-1"), other = from] = nodes;
  return {
    from,
    number: 123_456,
    session: { boot: 12, lapses: 3 },
    voters: "0123456789abcdef",
    config: "fedcba9876543210",
    lease: ms(500),
    term: term(7),
    heard: nodes.map((node, i) => ({ node, boot: 10 + i, number: 120_000 + i, counts: true })),
    vote: { term: term(7), for: other },
    voteIsFree: false,
    candidate: null,
    leads: term(7),
    gaveUp: term(4),
    promises: [{ node: other, term: term(6) }],
    exclude: [other],
    reset: [],
    readmit: [],
    resetDone: null,
    watchdog: null,
    list: null,
    left: false,
    hurry: false,
  };
}
