// What `understudy status` and `why` print, in each of the four states; the expected text is in status-*.txt.
// UPDATE_GOLDEN=1 writes what they yield; the difference is then reviewed like code.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { Config } from "#model/config.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import { because } from "#model/reason.ts";
import { ms, plus } from "#model/units.ts";
import { CONFIGURED } from "#model/voters.ts";
import { type StatusFacts, statusDocument } from "../../src/api/status.ts";
import { formatStatus } from "../../src/cli/status-text.ts";
import { summarizeDocument } from "../../src/cli/summary.ts";
import { explain } from "../../src/cli/why-text.ts";
import { parseConfig } from "../../src/config/parse.ts";
import {
  NOW,
  SAMPLE_CONFIG,
  sampleFacts,
  sampleMember,
  sampleMemberNews,
  sampleNews,
  samplePicture,
  samplePlacement,
} from "./status-sample.ts";

interface Story {
  readonly name: string;
  readonly why: string;
  readonly exit: number;
  readonly width: number | null;
  readonly facts: StatusFacts;
}

const DALE = nodeId("dale");
const daleDied = samplePicture({
  leader: DALE,
  members: [sampleMember("chip", { standing: "excluded" }), sampleMember("dale"), sampleMember("witness")],
});
const newsOfDale = sampleNews({
  leader: DALE,
  leads: true,
  members: [sampleMemberNews("chip", "198.51.100.21", false), sampleMemberNews("witness", "198.51.100.9")],
});
const asDale = { node: DALE, report: null, lease: { news: newsOfDale, at: NOW } };

const CONFIRM = "type `understudy confirm-dead chip` once you made certain that it is off";
const FENCED = SAMPLE_CONFIG.replace(
  "services:",
  `watchdog: required
fencing:
  chip: { ipmi: 10.9.8.1, user: ha, password_file: /etc/understudy/secrets/chip }
  dale: [{ ipmi: 10.9.8.2, user: ha, password_file: /etc/understudy/secrets/dale }, operator]
services:`,
);
const PAIR = SAMPLE_CONFIG.replace("witness: 198.51.100.9", "fencing: { chip: operator, dale: operator }");
const THREE = "witness: { witness: 198.51.100.9, north: 198.51.100.10, south: 198.51.100.11 }";

function configOf(text: string): Config {
  const parsed = parseConfig(text);
  assert.ok(parsed.kind === "ok", JSON.stringify(parsed));
  return { ...parsed.config, hash: "97f1e6eddf854446" };
}

const STORIES: readonly Story[] = [
  {
    name: "healthy",
    why: "Everything runs where it should, and dale could take it over.",
    exit: 0,
    width: null,
    facts: sampleFacts(),
  },
  {
    name: "narrow",
    why: "The same on a terminal of 50 columns.",
    exit: 0,
    width: 50,
    facts: sampleFacts(),
  },
  {
    name: "degraded",
    why: "chip died; dale serves both, but nobody is left to take over. Seen from dale.",
    exit: 1,
    width: 100,
    facts: sampleFacts({
      ...asDale,
      picture: {
        at: NOW,
        picture: {
          ...daleDied,
          placements: ["mail", "web"].map((name) =>
            samplePlacement(name, {
              node: DALE,
              active: DALE,
              ready: [],
              reasons: [
                because("active-healthy", `dale runs ${name} and is healthy`),
                because("excluded", "chip is excluded"),
              ],
            }),
          ),
        },
      },
      realtime: { granted: false, detail: "the keeper may not use SCHED_RR, so the lease is longer" },
      warnings: ["the journal cannot be written: ENOSPC: no space left on device"],
    }),
  },
  {
    name: "down",
    why: "chip died a moment ago and mail waits for its turn on dale; a check's text tries to steer the terminal.",
    exit: 2,
    width: 100,
    facts: sampleFacts({
      ...asDale,
      picture: {
        at: NOW,
        picture: {
          ...daleDied,
          placements: [
            samplePlacement("mail", {
              node: DALE,
              active: null,
              health: "unknown",
              ready: [],
              reasons: [because("active-lost", "chip has lapsed")],
              waiting: because("starting", "mail is starting on dale\u001b[2J"),
            }),
            samplePlacement("web", {
              node: DALE,
              active: DALE,
              ready: [],
              reasons: [because("active-healthy", "dale runs web and is healthy")],
            }),
          ],
        },
      },
    }),
  },
  {
    name: "blocked",
    why: "chip died, and its only fence device does not answer; its watchdog was never armed. Seen from dale.",
    exit: 2,
    width: 100,
    facts: sampleFacts({
      ...asDale,
      config: configOf(FENCED),
      picture: {
        at: NOW,
        picture: {
          ...daleDied,
          proving: [{ node: nodeId("chip"), state: "blocked", text: CONFIRM }],
          placements: ["mail", "web"].map((name) =>
            samplePlacement(name, {
              node: DALE,
              active: null,
              health: "unknown",
              ready: [],
              reasons: [because("active-lost", "chip, where it was active, is excluded; dale can take it")],
              waiting: because(
                "unproved",
                `dale may not start ${name} yet: chip is excluded, which does not prove that it stopped ${name}; ${CONFIRM}`,
              ),
            }),
          ),
        },
      },
      protections: new Map(
        ["mail", "web"].map((name) => [
          serviceName(name),
          {
            state: "blocked",
            text: `blocked: chip is gone and has to be proved dead; ${CONFIRM}`,
            seconds: null,
          },
        ]),
      ),
      fencing: {
        devices: [
          {
            node: nodeId("chip"),
            device: "ipmi 10.9.8.1",
            problem: "no route to host",
            answeredAt: plus(NOW, ms(-7_200_000)),
            askedAt: plus(NOW, ms(-180_000)),
          },
        ],
        running: null,
        failed: [{ node: "chip", tries: 1, why: "level 1: ipmi 10.9.8.1: status: no route to host" }],
        lastHour: 0,
      },
      proving: [{ node: nodeId("chip"), state: "blocked", text: CONFIRM }],
    }),
  },
  {
    name: "pair",
    why: "Two nodes without a witness; chip, who held the tenure, fell silent. dale waits for a proof.",
    exit: 3,
    width: 100,
    facts: sampleFacts({
      node: DALE,
      report: null,
      config: configOf(PAIR),
      picture: null,
      lease: {
        at: NOW,
        news: sampleNews({
          mayAct: false,
          leader: null,
          leads: false,
          members: [sampleMemberNews("chip", "198.51.100.21", false)],
          voters: {
            list: { id: CONFIGURED, voters: configOf(PAIR).voters },
            floor: CONFIGURED,
            isSettled: true,
          },
          pair: {
            peer: nodeId("chip"),
            leadsEagerly: false,
            knowsPeer: true,
            silentSince: plus(NOW, ms(-2_400)),
          },
        }),
      },
      protections: new Map(),
      proving: [{ node: nodeId("chip"), state: "blocked", text: CONFIRM }],
    }),
  },
  {
    name: "proved",
    why: "An operator confirmed that chip is dead; dale serves. Its own watchdog is armed.",
    exit: 1,
    width: 100,
    facts: sampleFacts({
      ...asDale,
      config: configOf(FENCED),
      lease: {
        at: NOW,
        news: { ...newsOfDale, watchdog: { stage: "armed", timeout: ms(10_000), problem: null } },
      },
      picture: {
        at: NOW,
        picture: {
          ...daleDied,
          placements: ["mail", "web"].map((name) =>
            samplePlacement(name, {
              node: DALE,
              active: DALE,
              ready: [],
              reasons: [because("active-healthy", `dale runs ${name} and is healthy`)],
            }),
          ),
        },
      },
      proofs: [
        {
          node: nodeId("chip"),
          boot: 3,
          lapses: null,
          kind: "confirmed-dead",
          sentence: "anna (on dale, 2026-11-20 10:24:30) said that it is dead (confirm-dead)",
        },
      ],
    }),
  },
  {
    name: "voters",
    why: "The file names two voters that do not count yet: that is one too many.",
    exit: 1,
    width: 100,
    facts: sampleFacts({
      config: configOf(SAMPLE_CONFIG.replace("witness: 198.51.100.9", THREE)),
      votersProblem: "they are changed one at a time, so name a list that differs by one voter",
    }),
  },
  {
    name: "unknown",
    why: "This node was cut off: it hears nobody, and what it knows is old.",
    exit: 3,
    width: 100,
    facts: sampleFacts({
      lease: {
        at: NOW,
        news: sampleNews({
          mayAct: false,
          leader: null,
          leads: false,
          members: [
            sampleMemberNews("dale", "198.51.100.22", false),
            sampleMemberNews("witness", "198.51.100.9", false),
          ],
        }),
      },
      picture: { at: plus(NOW, ms(-63_000)), picture: samplePicture() },
    }),
  },
];

for (const { name, why, exit, width, facts } of STORIES) {
  test(`status and why, ${name}`, () => {
    const document = statusDocument(facts);
    const told = [
      `# ${why}`,
      `$ understudy status`,
      formatStatus(document, width),
      `$ understudy why mail`,
      ...explain(document, "mail"),
      "",
    ].join("\n");
    const path = `${import.meta.dirname}/status-${name}.txt`;
    if (process.env.UPDATE_GOLDEN === "1") writeFileSync(path, told);
    else assert.equal(told, readFileSync(path, "utf8"));
    assert.equal(summarizeDocument(document).exit, exit);
    if (width !== null) {
      const tooLong = told.split("\n").filter((line) => line.length > width && /^\S+ {2,}/.test(line));
      assert.deepEqual(tooLong, [], "a table is no wider than the terminal");
    }
  });
}

test("a fence device that is silent and a required watchdog that is not armed are incidents before they are needed", () => {
  const facts = (changes: Partial<StatusFacts>) =>
    summarizeDocument(statusDocument(sampleFacts({ config: configOf(FENCED), ...changes }))).text;
  const device = { node: DALE, device: "ipmi 10.9.8.2", answeredAt: NOW, askedAt: NOW };
  const fencing = { running: null, failed: [], lastHour: 0 };
  assert.match(facts({ fencing: { ...fencing, devices: [{ ...device, problem: null }] } }), /^All well/);
  assert.equal(
    facts({ fencing: { ...fencing, devices: [{ ...device, problem: "no route to host" }] } }),
    "Degraded: fence device ipmi 10.9.8.2 of dale does not answer: no route to host.",
  );
  const news = sampleNews({ watchdog: { stage: "failed", timeout: null, problem: "EBUSY" } });
  assert.equal(
    facts({ lease: { at: NOW, news } }),
    "Degraded: the watchdog is required and not armed: EBUSY.",
  );
});

test("a picture that is old, or of another leader, is no news", () => {
  const old = { at: plus(NOW, ms(-10_001)), picture: samplePicture() };
  assert.match(
    summarizeDocument(statusDocument(sampleFacts({ picture: old }))).text,
    /^Unknown: chip, who leads/,
  );
  const foreign = { at: NOW, picture: samplePicture({ leader: DALE }) };
  assert.equal(summarizeDocument(statusDocument(sampleFacts({ picture: foreign }))).exit, 3);
});

test("a service that the leader's picture lacks is not down, but unsettled", () => {
  const picture = { at: NOW, picture: samplePicture({ placements: [samplePlacement("web")] }) };
  assert.deepEqual(summarizeDocument(statusDocument(sampleFacts({ picture }))), {
    state: "degraded",
    exit: 1,
    text: "Degraded: the leader does not know mail yet.",
  });
});

test("what only this node sees makes it degraded: links, warnings, foreign voters", () => {
  const exitWith = (changes: Partial<StatusFacts>) =>
    summarizeDocument(statusDocument(sampleFacts(changes))).text;
  const dale = sampleMemberNews("dale", "198.51.100.22");
  const withDale = (member: typeof dale) => ({
    lease: { at: NOW, news: sampleNews({ members: [member] }) },
  });
  assert.equal(exitWith({ warnings: ["no space left."] }), "Degraded: no space left.");
  assert.equal(
    exitWith(withDale({ ...dale, foreignVoters: true })),
    "Degraded: dale has another list of voters.",
  );
  const lost = { address: "10.9.9.2", up: false, since: NOW };
  assert.equal(
    exitWith(withDale({ ...dale, links: [...dale.links, lost] })),
    "Degraded: dale is not heard on 10.9.9.2.",
  );
});
