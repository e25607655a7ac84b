/** What is asked: which of these two is better, of whom, and how. */

export const providerNames = ["anthropic", "openai", "google", "openrouter", "mock"] as const;
export type ProviderName = (typeof providerNames)[number];

export const reasoningEfforts = ["none", "low", "medium", "high"] as const;
export type ReasoningEffort = (typeof reasoningEfforts)[number];

/**
 * All that is sent beside what the caller wrote, and how the answer is read, has a version: a change of one word is a new one. Those before the
 * latest are kept for tickets that were accepted under them.
 */
export type FrameVersion = 1 | 2;

export interface Parameters {
  /** 0 to 2; `null`: not asked for, so not sent. */
  readonly temperature: number | null;
  /** The most tokens that the judge may write, its reasoning included. */
  readonly maxTokens: number;
  /** `null`: not asked for, so not sent. */
  readonly reasoningEffort: ReasoningEffort | null;
}

/** A comparison with every default filled in: no later setting can change what it means. Plain JSON, as a ticket will store it. */
export interface Comparison {
  readonly provider: ProviderName;
  /** The model id that is asked for, as the vendor spells it. */
  readonly model: string;
  readonly systemPrompt: string;
  /** The caller's instructions, with or without `{essay_a}` and `{essay_b}`. */
  readonly userPrompt: string;
  readonly essayA: string;
  readonly essayB: string;
  readonly parameters: Parameters;
}

/** How the order in which the judge reads the essays is chosen: see `presentation.ts`. */
export const presentations = ["as_given", "swapped", "random", "counterbalanced"] as const;
export type Presentation = (typeof presentations)[number];

/** Whether a comparison is judged now, later, or now if that is possible and later if not. */
export const processingModes = ["queue_if_unavailable", "immediate", "queue"] as const;
export type ProcessingMode = (typeof processingModes)[number];
