/** What a test or a developer writes into a lane's script: how the calls to come shall be answered. */
import { z } from "zod";

export const vendorNames = ["anthropic", "openai", "google", "openrouter"] as const;
export type VendorName = (typeof vendorNames)[number];

/** Vendors' errors by name; each vendor has its own status, codes and words for them (`troubles` in its file). */
export const errorFaults = [
  "rateLimited",
  "creditExhausted",
  "dailyQuotaExhausted",
  "paymentRequired",
  "credentialsRefused",
  "forbidden",
  "modelNotFound",
  "contextTooLong",
  "serverError",
  "unavailable",
  "overloaded",
] as const;
export type ErrorFault = (typeof errorFaults)[number];

const tokens = z.strictObject({
  promptTokens: z.number().optional(),
  cachedTokens: z.number().optional(),
  cacheWriteTokens: z.number().optional(),
  completionTokens: z.number().optional(),
  reasoningTokens: z.number().optional(),
});

const regularExpression = z.string().refine((source) => {
  try {
    return new RegExp(source, "g") instanceof RegExp;
  } catch {
    return false;
  }
}, "a regular expression");

const anyStep = {
  /** How many calls the step serves before it is used up; 1 unless told. */
  times: z.union([z.int().positive(), z.literal("forever")]).optional(),
  /** Only calls to this vendor take the step. */
  vendor: z.enum(vendorNames).optional(),
  /** Only calls for this model take the step. */
  forModel: z.string().optional(),
  /** Only calls whose prompt holds this text take the step. */
  forText: z.string().min(1).optional(),
  /** Which calls take the step: those for a judgement (unless told), OpenRouter's look-ups of a model's endpoints, or those for the list of models. */
  on: z.enum(["judgement", "endpoints", "models"]).optional(),
  /** Waits before anything is sent. */
  delayMs: z.int().nonnegative().optional(),
  /** Put in place of the default's values. An enforced schema still decides which keys there are, and their order. */
  judgement: z.record(z.string(), z.unknown()).optional(),
  /** The verdict is by marks in the essays, with chance, as of the mock's judge of that name (`src/providers/quality-judge.ts`). */
  quality: z
    .strictObject({
      seed: z.int(),
      orderEffect: z.number().optional(),
      lengthEffect: z.number().optional(),
    })
    .optional(),
  /** A regular expression: all that it finds in the prompt is put before the justification, so an answer shows its question. */
  echo: regularExpression.optional(),
  /** What the judge writes, word for word: no schema holds it back. `%boundary%` in it becomes the one that the prompt asks for. */
  text: z.string().optional(),
  /** Put in place of the estimate, with any number; `null` leaves the usage out. `promptTokens` and `completionTokens` are whole. */
  usage: tokens.nullable().optional(),
  /** The model that says it answered. */
  model: z.string().optional(),
};

const retryHint = {
  /** Seconds, or an HTTP date. Gemini says seconds in its body. */
  retryAfter: z.union([z.number(), z.string()]).optional(),
  retryAfterMs: z.number().optional(),
  message: z.string().optional(),
};

const status = z.int().min(300).max(599);
const size = z.int().positive();
const fault = <const Names extends [string, ...string[]]>(...names: Names) => ({
  fault: z.enum(names),
  ...anyStep,
});

const stepSchema = z.discriminatedUnion("fault", [
  z.strictObject({ ...fault("none"), fault: z.literal("none").optional() }),
  /** Any JSON as the whole body, with any status and further headers. `%boundary%` in it becomes the one that the prompt asks for. */
  z.strictObject({
    ...fault("raw"),
    body: z.unknown(),
    status: z.int().min(200).max(599).optional(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
  /** Any HTTP status in the vendor's error shape; `type` and `code` in place of those that go with the status. */
  z.strictObject({
    ...fault("status"),
    status,
    type: z.string().optional(),
    code: z.string().optional(),
    ...retryHint,
  }),
  z.strictObject({ ...fault(...errorFaults), ...retryHint }),
  /**
   * A bucket that holds `burst` tokens, 1 unless told, and gets another each `everyMs`: who finds one is answered, who finds none meets the
   * vendor's 429, with a `Retry-After` that is true.
   */
  z.strictObject({ ...fault("bucket"), everyMs: size, burst: size.optional() }),
  /**
   * An error in a 200: where this vendor puts it (`inside`: OpenRouter's choice, OpenAI's failed response) or at the top level.
   * `status` is what it would have been, 502 unless told.
   */
  z.strictObject({
    ...fault("errorIn200"),
    status: status.optional(),
    code: z.string().optional(),
    where: z.enum(["inside", "top"]).optional(),
  }),
  /**
   * `refusal`: the model declines. `recitation`: stopped for quoting. `truncatedAnswer`: out of tokens in mid-sentence.
   * `emptyAnswer`: reasoning used all tokens.
   */
  z.strictObject(fault("refusal", "recitation", "truncatedAnswer", "emptyAnswer")),
  /** Blocked by a filter: the prompt (unless told) or the answer. */
  z.strictObject({ ...fault("safety"), at: z.enum(["prompt", "answer"]).optional() }),
  /**
   * `stall`: no answer at all. `stallBody`: headers and half the body, then nothing. `cut`: the connection breaks before the headers;
   * `cutBody`: in mid-body. `truncated`: half the JSON as if it were whole. `wrongContentType`: a good body as text/plain.
   * `delay`: nothing but `delayMs`.
   */
  z.strictObject(fault("stall", "stallBody", "cut", "cutBody", "truncated", "wrongContentType", "delay")),
  /** No body: status 200 unless told. */
  z.strictObject({ ...fault("empty"), status: z.int().min(200).max(599).optional() }),
  /** One byte at a time. */
  z.strictObject({ ...fault("drip"), intervalMs: z.int().positive().optional() }),
  /** A web page: status 200 unless told. */
  z.strictObject({ ...fault("html"), status: z.int().min(200).max(599).optional() }),
  /** 302 to `location`. */
  z.strictObject({ ...fault("redirect"), location: z.string() }),
  /** A good answer, made this long with blanks, without a content-length. `gzipBomb`: the same, compressed. */
  z.strictObject({ ...fault("oversized", "gzipBomb"), bytes: size }),
]);

/** One entry of a script. Without a `fault` it is an answer, changed as it says. */
export type Step = z.output<typeof stepSchema>;

/** Which way a step answers, the answer itself included. */
export type Fault = NonNullable<Step["fault"]>;

/** @throws {z.ZodError} that says what is wrong with which step */
export function parseScript(value: unknown): Step[] {
  return z.array(stepSchema).parse(Array.isArray(value) ? value : [value]);
}

/** A call as the lane remembers it. */
export interface RecordedRequest {
  /** From 1, in the order in which the lane heard them. */
  readonly number: number;
  readonly vendor: VendorName | null;
  /** `unknown`: refused before it was clear. */
  readonly route: Route;
  readonly model: string | null;
  readonly method: string;
  /** Below the vendor's root, with its query: `/v1/messages`. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyText: string;
  /** `null` where the text is not JSON. */
  readonly body: unknown;
  /** `answered`, `refused` by the vendor's rules, or the step's fault. */
  readonly outcome: "answered" | "refused" | Exclude<Fault, "none">;
  /** The rule's words, where it was refused. */
  readonly refusal: string | null;
  /** `null` until headers were sent. */
  readonly status: number | null;
  /** The client went away before it had the whole answer. */
  readonly aborted: boolean;
  readonly receivedAtMs: number;
  /** `null` while it is being answered. */
  readonly endedAtMs: number | null;
  /** What ended it, a client that went away, came after this: a busy machine lets the upstream hear of it late. */
  readonly endedFromMs: number | null;
}

export type Route = "judgement" | "endpoints" | "models" | "unknown";
