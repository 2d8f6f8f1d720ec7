import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId } from "#model/ids.ts";
import { CONFIGURED } from "#model/voters.ts";
import { sampleMemberNews, sampleNews } from "../../../test/golden/status-sample.ts";
import { whyNotVoters, whyVotersStay } from "./voters.ts";

const CHIP = nodeId("chip");
const names = (text: string) => text.split(" ").map(nodeId);
const config = (voters: string) => ({ voters: names(voters) });
const news = (voters: string, members = [sampleMemberNews("dale", "d"), sampleMemberNews("witness", "w")]) =>
  sampleNews({
    members,
    voters: { list: { id: CONFIGURED, voters: names(voters) }, floor: CONFIGURED, isSettled: true },
  });
const NOW = "chip dale witness";
const MORE = "chip dale north witness";

test("one voter more or fewer may be had, of three and more; the same ones are", () => {
  for (const voters of [NOW, MORE])
    assert.equal(whyNotVoters({ config: config(voters), news: news(NOW) }), null);
  assert.equal(whyNotVoters({ config: config(NOW), news: news(MORE) }), null);
});

test("two at once, and from or to two, are refused with the voters in effect", () => {
  const why = (now: string, wanted: string) =>
    whyNotVoters({ config: config(wanted), news: news(now) }) ?? "";
  assert.match(why(NOW, "chip dale north"), /^the voters in effect are chip, dale, witness: .*one at a time/);
  assert.match(why(NOW, "chip dale"), /from or to two voters/);
  assert.match(why("chip dale", NOW), /from or to two voters/);
});

test("what keeps the voters of the file from coming into effect is named", () => {
  const stay = (facts: ReturnType<typeof news>) => whyVotersStay({ config: config(MORE), news: facts }, CHIP);
  assert.equal(stay(news(MORE)), null);
  assert.equal(stay(news(NOW)), null);
  assert.equal(stay({ ...news(NOW), leader: null }), "no node leads");
  const dale = { ...sampleMemberNews("dale", "d"), foreignConfig: true };
  const elsewhere = { ...news(NOW, [dale, sampleMemberNews("witness", "w")]), leader: nodeId("dale") };
  assert.equal(stay(elsewhere), "dale leads and has another configuration");
  const few = news(NOW, [sampleMemberNews("dale", "d"), sampleMemberNews("witness", "w", false)]);
  assert.equal(stay(few), "no quorum of them is heard (north, witness missing)");
});
