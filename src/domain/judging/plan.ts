import type { ReasoningEffort } from "./comparison.ts";

/**
 * How a model is asked for a judgement, decided before the call from what is known of the model then. Plain JSON: a ticket stores it,
 * so that its request is the same whenever it is sent.
 */
export interface Plan {
  /** `null`: not sent. */
  readonly temperature: number | null;
  /** `null`: not sent. */
  readonly reasoningEffort: ReasoningEffort | null;
  /** The limit of tokens that is sent where the vendor takes none so small as was asked for; absent: as asked. */
  readonly maxTokens?: number;
  /** How the shape of the answer is asked for: an enforced schema, a forced tool, JSON without a schema, or by words alone. */
  readonly structure: "schema" | "tool" | "json" | "words";
  /** The model was measured to copy the boundary too seldom: under an enforced schema a text that is one object is its verdict too. */
  readonly copiesSeldom?: true;
  /** How Anthropic is asked for the effort `none`, which it has not by that name: its `thinking.type`. */
  readonly thinkingOff?: "disabled" | "between_tools";
  /** What the caller asked for and the model does not take, by the contract's names. */
  readonly dropped: readonly ("temperature" | "reasoning_effort")[];
}
