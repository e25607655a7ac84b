/**
 * How a judge is asked and heard, by the frame's version: today's, or that under which a waiting ticket was accepted. A new version is a case
 * more in each function here, and a file that keeps the one before.
 */
import { boundaryOf } from "./boundary.ts";
import type { Comparison, FrameVersion } from "./comparison.ts";
import type { Unreadable } from "../failure.ts";
import { frame1, readJudgement1, schema1 } from "./frame-1.ts";
import { type Judgement, judgementSchema, readJudgement } from "./judgement.ts";
import type { Plan } from "./plan.ts";
import { frame } from "./prompt.ts";
import type { Result } from "../result.ts";

/** The user text: the caller's instructions with both essays in it, then what we add. */
export function framed(version: FrameVersion, comparison: Comparison, promptSha256: string): string {
  switch (version) {
    case 1:
      return frame1(comparison, promptSha256);
    case 2:
      return frame(comparison, promptSha256);
  }
}

/** The shape that vendors are asked to enforce. */
export function schemaOf(version: FrameVersion): typeof schema1 | typeof judgementSchema {
  switch (version) {
    case 1:
      return schema1;
    case 2:
      return judgementSchema;
  }
}

/** Reads the answers in one envelope. @param asked what they answer */
export function judgementIn(
  asked: { readonly frame: FrameVersion; readonly promptSha256: string; readonly plan: Plan },
  texts: readonly string[],
): Result<Judgement, Unreadable> {
  switch (asked.frame) {
    case 1:
      return readJudgement1(texts);
    case 2: {
      const { copiesSeldom, structure } = asked.plan;
      return readJudgement(
        texts,
        boundaryOf(asked.promptSha256),
        copiesSeldom === true && structure === "schema",
      );
    }
  }
}
