// Judges the network of this host: its links, and where the floating addresses belong.

import type { MemberConfig } from "#model/config.ts";
import type { FloatingFacts, NetworkFacts } from "#ports/host.ts";
import { type Finding, findingsOf } from "./finding.ts";

const network = findingsOf("network");

export function judgeNetwork(facts: NetworkFacts, self: MemberConfig): readonly Finding[] {
  return [
    ...self.links.map((link) => judgeLink(link, self, facts)),
    ...facts.floating.flatMap(judgeFloating),
  ];
}

function judgeLink(link: string, { id }: MemberConfig, { own }: NetworkFacts): Finding {
  if (own.includes(link)) return network.ok("link", `${link} is an address of this host`);
  return network.problem(
    "link",
    `${link} is configured for ${id} and is no address of this host`,
    `add it to a device, correct the links of ${id}, or say --node if this host is another member`,
  );
}

function judgeFloating(facts: FloatingFacts): readonly Finding[] {
  const { ip, device, problem } = facts;
  if (device === null) {
    return [
      network.problem(
        "device",
        problem ?? `${ip} belongs on no device`,
        "give the device an address in this subnet, or name it in the configuration (device:)",
      ),
    ];
  }
  const up = device.up
    ? network.ok("device", `${ip} belongs on ${device.name}, which is up`)
    : network.problem(
        "device",
        `${ip} belongs on ${device.name}, which is down or has no carrier`,
        "plug it in",
      );
  return [up, ...judgeClaims(facts)];
}

function judgeClaims({ ip, claims, knowsAll }: FloatingFacts): readonly Finding[] {
  const members = [...new Set(claims.flatMap(({ member }) => (member === null ? [] : [member])))];
  const strangers = claims.filter(({ member }) => member === null).map(({ mac }) => mac);
  const [stranger] = strangers;
  if (members.length > 1) {
    const text = `${ip} is answered for by ${members.join(" and ")}: two hold it`;
    return [
      network.problem("claimed", text, "understudy status; take it from the one that should not have it"),
    ];
  }
  if (stranger === undefined) {
    return [network.ok("claimed", `nobody but a member answers for ${ip}`)];
  }
  const advice = `find the machine with ${stranger} and take the address from it, or choose another`;
  if (knowsAll) {
    return [network.problem("claimed", `the machine ${stranger} answers for ${ip} and is no member`, advice)];
  }
  const text = `the machine ${stranger} answers for ${ip}; it may be a member that could not be recognised`;
  return [network.warning("claimed", text, advice)];
}
