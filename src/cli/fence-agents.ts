// What the command line knows of the fence agents of this host: the shapes of drivers/fence, seen from here.

export interface FenceAgents {
  /** Names of the installed agents, sorted. */
  names(): readonly string[];
  /** Each answers once, within a bounded time. */
  describe(name: string, answer: (agent: FenceAgent) => void): void;
  describeAll(answer: (agents: readonly FenceAgent[]) => void): void;
}

export type FenceAgent =
  | {
      readonly kind: "described";
      readonly name: string;
      readonly metadata: FenceAgentDescription;
      /** Names of the options that must be configured. */
      readonly needed: readonly string[];
    }
  | { readonly kind: "silent"; readonly name: string; readonly problem: string };

export interface FenceAgentDescription {
  readonly shortdesc: string;
  readonly longdesc: string;
  readonly parameters: readonly FenceAgentOption[];
  readonly actions: readonly string[];
}

export interface FenceAgentOption {
  readonly name: string;
  readonly required: boolean;
  readonly type: string;
  readonly default: string | null;
  readonly shortdesc: string;
  readonly options: readonly string[];
  readonly deprecated: boolean;
}
