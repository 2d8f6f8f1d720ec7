// What a call to a device comes to: a program to run, or an answer that needs none.

import type { FenceAnswer } from "#ports/fence.ts";
import type { Program } from "#ports/programs.ts";

export type Prepared =
  | {
      readonly kind: "run";
      readonly program: Program;
      /** Both make sentences without secrets. */
      judgeExit(code: number, output: string): FenceAnswer;
      hide(text: string): string;
    }
  | { readonly kind: "answer"; readonly answer: FenceAnswer };

export const failed = (detail: string): FenceAnswer => ({ kind: "failed", detail });

export const refuse = (detail: string): Prepared => ({ kind: "answer", answer: failed(detail) });
