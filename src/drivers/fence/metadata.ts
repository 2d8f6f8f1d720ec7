// What a fence agent says of itself (`-o metadata`, XML) as data: its options and what it can do.
// Source: ClusterLabs fence-agents, doc/FenceAgentAPI.md, "Agent Metadata".

import { SaxesParser, type SaxesTagPlain } from "saxes";

export interface AgentMetadata {
  /** `fence_ipmilan`. */
  readonly name: string;
  readonly shortdesc: string;
  readonly longdesc: string;
  /** In the agent's own order. */
  readonly parameters: readonly AgentParameter[];
  /** `off`, `on`, `status`, `monitor` ... */
  readonly actions: readonly string[];
}

export interface AgentParameter {
  readonly name: string;
  readonly required: boolean;
  /** `string`, `boolean`, `integer`, `second` or `select`; whatever else the agent says. */
  readonly type: string;
  readonly default: string | null;
  readonly shortdesc: string;
  /** What a `select` may be; empty otherwise. */
  readonly options: readonly string[];
  /** An old name of another parameter, still understood. */
  readonly deprecated: boolean;
  /** The old name that this one replaces. */
  readonly obsoletes: string | null;
}

/** More than the longest of Debian's agents says, by far. */
const PARAMETERS_MAX = 500;

/** Takes the document out of whatever else the agent printed. A sentence when there is none, or a broken one. */
export function parseMetadata(output: string): AgentMetadata | string {
  const from = output.indexOf("<resource-agent");
  const end = "</resource-agent>";
  const to = output.lastIndexOf(end);
  if (from < 0 || to < from) return "it prints no description of itself";
  const builder = createBuilder();
  const parser = new SaxesParser({ position: false, xmlns: false });
  let problem: string | null = null;
  parser.on("error", (error) => {
    problem ??= error.message;
  });
  parser.on("opentag", builder.open);
  parser.on("text", builder.text);
  parser.on("cdata", builder.text);
  parser.on("closetag", ({ name }) => builder.close(name));
  parser.write(output.slice(from, to + end.length)).close();
  return problem === null ? builder.take() : `its description of itself is broken: ${problem}`;
}

interface Builder {
  open(tag: SaxesTagPlain): void;
  text(text: string): void;
  close(name: string): void;
  take(): AgentMetadata;
}

type Draft = { -readonly [K in keyof AgentParameter]: AgentParameter[K] };

/** Descriptions are flat: what a text belongs to is told by whether a parameter is open. */
function createBuilder(): Builder {
  const found = { name: "", shortdesc: "", longdesc: "" };
  const parameters: AgentParameter[] = [];
  const actions: string[] = [];
  let draft: Draft | null = null;
  let text = "";

  return {
    open({ name, attributes }) {
      text = "";
      const of = (attribute: string): string => attributes[attribute] ?? "";
      switch (name) {
        case "resource-agent":
          found.name = of("name");
          found.shortdesc = oneLine(of("shortdesc"));
          break;
        case "parameter":
          draft = newDraft(attributes);
          break;
        case "content":
          if (draft === null) break;
          draft.type = of("type") || "string";
          draft.default = attributes.default ?? null;
          break;
        case "option":
          if (draft !== null) draft.options = [...draft.options, of("value")];
          break;
        case "action":
          if (of("name") !== "") actions.push(of("name"));
          break;
      }
    },
    text(more) {
      text += more;
    },
    close(name) {
      if (name === "shortdesc" && draft !== null) draft.shortdesc ||= oneLine(text);
      if (name === "longdesc" && draft === null) found.longdesc ||= oneLine(text);
      if (name === "parameter" && draft !== null) {
        if (draft.name !== "" && parameters.length < PARAMETERS_MAX) parameters.push(draft);
        draft = null;
      }
      text = "";
    },
    take: () => ({ ...found, parameters, actions }),
  };
}

function newDraft(attributes: Readonly<Record<string, string>>): Draft {
  return {
    name: attributes.name ?? "",
    required: attributes.required === "1",
    type: "string",
    default: null,
    shortdesc: "",
    options: [],
    deprecated: attributes.deprecated === "1",
    obsoletes: attributes.obsoletes ?? null,
  };
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();
