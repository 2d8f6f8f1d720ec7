// The demonstration at a terminal: keys do things to the cluster, the screen shows what the client sees of it.

import type { StatusDocument } from "#api/protocol.ts";
import { summarizeDocument } from "#cli/summary.ts";
import type { JournalEntry } from "#model/journal.ts";
import {
  type Cluster,
  command,
  FLOATING,
  followJournal,
  isDaemonRunning,
  killDaemon,
  SERVICE,
  startDaemon,
  statusOf,
} from "./cluster.ts";
import { cut, freeze, heal, thaw } from "./faults.ts";
import { openLedger } from "./ledger.ts";
import { type MemberView, renderScreen, type View } from "./screen.ts";
import { monotonicMs, sleep } from "./shell.ts";
import type { Watch } from "./watch.ts";

const REDRAW_MS = 200;
const STATUS_EVERY_MS = 500;
/** A killed daemon comes back by itself after this long, as a supervisor would see to it. */
const RESTART_AFTER_MS = 5_000;
/** An outage is put down to the last thing done before it, when that was no longer ago than this. */
const CAUSE_WITHIN_MS = 15_000;
const JOURNAL_KEPT = 50;

type Done = { readonly what: string; readonly atMs: number };

/** Runs until `q` or the end of the terminal. Leaves the terminal as it was. */
export async function runLive(cluster: Cluster, client: Watch, arp: Watch): Promise<void> {
  const members = [...cluster.nodes, cluster.witness];
  const ledger = openLedger();
  const done: Done[] = [];
  const journal: JournalEntry[] = [];
  const statuses = new Map<string, StatusDocument | null>();
  const cutOff = new Set<string>();
  const frozen = new Set<string>();
  let message = "";
  let busy: Promise<void> | null = null;
  let hasQuit = false;

  const active = () => ledger.now().last?.host ?? null;
  /** What was done, in the few words that fit beside an outage, and what else there is to know of it. */
  const say = (what: string, more = "") => {
    done.push({ what, atMs: monotonicMs() });
    message = `${what}${more}`;
  };

  const keys: Readonly<Record<string, (node: string) => Promise<void>>> = {
    s: async (node) => {
      say("switchover", ` of ${SERVICE} away from ${node}`);
      // A frozen or dead member does not take orders; any other one passes them on.
      const asked = cluster.nodes.find((name) => isDaemonRunning(cluster, name) && !frozen.has(name)) ?? node;
      const { code, stdout, stderr } = await command(cluster, asked, ["switchover", SERVICE, "--yes"]);
      if (code !== 0) message = `switchover refused: ${(stderr || stdout).trim()}`;
    },
    k: async (node) => {
      say(`daemon of ${node} killed`, `; it comes back in ${RESTART_AFTER_MS / 1000} s, or with h`);
      await killDaemon(cluster, node);
      setTimeout(() => {
        if (!hasQuit && !isDaemonRunning(cluster, node)) {
          startDaemon(cluster, node);
          say(`daemon of ${node} started again`);
        }
      }, RESTART_AFTER_MS);
    },
    c: async (node) => {
      say(`${node} cut off`, " from the network; h heals it");
      cutOff.add(node);
      await cut(cluster.world, node);
    },
    f: async (node) => {
      say(`${node} frozen`, ": every process of it is stopped; h lets them go on");
      frozen.add(node);
      await freeze(cluster.world, node);
    },
    h: async () => {
      say("healed", ": network joined, processes thawed, daemons started");
      await heal(cluster.world);
      for (const node of frozen) thaw(cluster.world, node);
      cutOff.clear();
      frozen.clear();
      for (const name of members) startDaemon(cluster, name);
    },
  };

  const press = (key: string) => {
    if (key === "q" || key === "\x03" || key === "\x04") {
      hasQuit = true;
      return;
    }
    const act = keys[key.toLowerCase()];
    if (act === undefined || busy !== null) return;
    busy = act(active() ?? cluster.nodes[0] ?? "")
      .catch((error: unknown) => {
        message = String(error);
      })
      .finally(() => {
        busy = null;
      });
  };

  const follows = members.map((name) =>
    followJournal(cluster, name, (entry) => {
      journal.unshift(entry);
      journal.sort((a, b) => b.at_ms - a.at_ms);
      journal.length = Math.min(journal.length, JOURNAL_KEPT);
    }),
  );
  const polling = setInterval(() => {
    for (const name of members) {
      void statusOf(cluster, name).then((status) => statuses.set(name, status));
    }
  }, STATUS_EVERY_MS);

  const view = (): View => {
    const sight = ledger.now();
    return {
      address: FLOATING,
      timing: cluster.timing,
      sentence: sentenceOf([...statuses.values()].filter((status) => status !== null)),
      members: members.map((name) =>
        memberView({ cluster, name, cutOff, frozen }, statuses.get(name) ?? null),
      ),
      sight,
      outages: sight.outages.toReversed().map((outage) => ({
        ...outage,
        cause: causeOf(done, outage.fromMs),
        date: new Date(Date.now() - (monotonicMs() - outage.fromMs)),
      })),
      journal,
      message,
      nowMs: monotonicMs(),
    };
  };

  const close = openTerminal(press);
  try {
    while (!hasQuit) {
      // The clock is read before the logs, or what is being read would make the last answer look old.
      ledger.add(drain(client));
      ledger.add(drain(arp));
      draw(view());
      await sleep(REDRAW_MS);
    }
  } finally {
    close();
    clearInterval(polling);
    for (const end of follows) end();
  }
}

/** Takes what a watch has read since, and lets go of it: this screen may stand for days. */
function drain(watch: Watch): ReturnType<Watch["entries"]> {
  const entries = watch.entries();
  watch.forget(Number.POSITIVE_INFINITY);
  return entries;
}

/** The first line of `status`, from the member that knows most. */
function sentenceOf(statuses: readonly StatusDocument[]): string {
  const summaries = statuses.toSorted((a, b) => rank(b) - rank(a)).map(summarizeDocument);
  const known = summaries.find(({ state }) => state !== "unknown") ?? summaries[0];
  return known?.text ?? "No member answers.";
}

/** A leader knows most, then who may act: the others know what they last heard. */
function rank({ lease }: StatusDocument): number {
  return (lease?.leads ? 2 : 0) + (lease?.may_act ? 1 : 0);
}

type MemberFacts = {
  readonly cluster: Cluster;
  readonly name: string;
  readonly cutOff: ReadonlySet<string>;
  readonly frozen: ReadonlySet<string>;
};

function memberView(
  { cluster, name, cutOff, frozen }: MemberFacts,
  status: StatusDocument | null,
): MemberView {
  const here = status?.services.find((service) => service.name === SERVICE)?.here;
  const lease = status?.lease;
  const mayAct = lease?.may_act ? "may act" : "lapsed";
  return {
    name,
    daemon: !isDaemonRunning(cluster, name) ? "killed" : frozen.has(name) ? "frozen" : "runs",
    network: cutOff.has(name) ? "cut off" : "connected",
    service: here?.standing ?? (name === cluster.witness ? "" : "?"),
    lease: lease ? (name === cluster.witness ? "votes" : `${mayAct}${lease.leads ? ", leads" : ""}`) : "",
  };
}

/** What was done before the outage began; the fault takes hold a few milliseconds after its key. */
function causeOf(done: readonly Done[], atMs: number): string {
  const last = done.findLast((each) => each.atMs <= atMs + 50);
  return last === undefined || atMs - last.atMs > CAUSE_WITHIN_MS ? "" : last.what;
}

function draw(view: View): void {
  const { columns = 80, rows = 24 } = process.stdout;
  const lines = renderScreen(view, { columns, rows });
  process.stdout.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
}

/** Takes the keys and a screen of its own (DEC private modes 1049 and 25); answers how to give both back. */
function openTerminal(press: (key: string) => void): () => void {
  const { stdin, stdout } = process;
  stdout.write("\x1b[?1049h\x1b[?25l");
  const hear = (keys: Buffer) => {
    for (const key of keys.toString("utf8")) press(key);
  };
  const leave = () => press("q");
  stdin.setRawMode?.(true);
  stdin.on("data", hear).on("end", leave).resume();
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    stdin.off("data", hear).off("end", leave).pause();
    stdin.setRawMode?.(false);
    stdout.write("\x1b[?25h\x1b[?1049l");
  };
  process.on("exit", close);
  return close;
}
