// Run by links.test.ts in an empty network namespace: prints what a daemon would learn of its links.

import { execFileSync } from "node:child_process";
import type { MemberConfig } from "#model/config.ts";
import type { DatagramPort } from "#ports/datagrams.ts";
import { datagrams, ids, member, until, useKernelSockets } from "./loopback.ts";

if (process.argv[2] === "kernel") useKernelSockets();

const members: readonly MemberConfig[] = [
  member("a", ["10.77.9.1", "fd00:77::a"]),
  member("b", ["10.77.9.2", "fd00:77::b"]),
];

const ip = (...words: string[]): void => void execFileSync("ip", words);
const addressOf = (verb: string, address: string) => ip("address", verb, address, "dev", "lo");

ip("link", "set", "lo", "up");
for (const address of ["10.77.9.1/32", "10.77.9.2/32", "fd00:77::b/128"]) addressOf("add", address);

const a = datagrams("a", members);
const heard: number[] = [];
const b = datagrams("b", members);
const ports: DatagramPort[] = [a.open(() => true), b.open(({ link }) => heard.push(link) > 0)];
const [sender] = ports;
await b.ready;
console.log((await a.ready) ?? "ready");

let told = 0;
await news();
await pulse(1);
addressOf("add", "fd00:77::a/128");
await news();
await pulse(2);
addressOf("del", "10.77.9.1/32");
// Only a daemon that speaks learns that its address is gone, and only from IPv4: a socket bound to an IPv6
// address goes on with it.
await news(() => sender?.send(new Uint8Array(), ids("b"), "all"));
addressOf("add", "10.77.9.1/32");
await news();
await pulse(2);
for (const port of ports) port.close();

async function news(meanwhile: () => void = () => {}): Promise<void> {
  await until(() => {
    meanwhile();
    return a.links.length > told;
  }, "news of a link");
  for (const [link, problem] of a.links.slice(told)) console.log(`link ${link}: ${problem ?? "well"}`);
  told = a.links.length;
}

async function pulse(copies: number): Promise<void> {
  heard.length = 0;
  sender?.send(new Uint8Array(), ids("b"), "all");
  await until(() => heard.length >= copies, `${copies} copies of a pulse`);
  console.log(`a pulse over link${copies > 1 ? "s" : ""} ${heard.toSorted().join(" ")}`);
}
