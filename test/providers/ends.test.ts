/** How an answer ended: the vendors' own words, and what each leaves of the answer. */
import { describe, expect, it } from "vitest";
import { answerIn, type Ends, type Said } from "../../src/providers/ends.ts";
import { anthropicEnds } from "../../src/providers/refusals/anthropic.ts";
import { googleEnds } from "../../src/providers/refusals/google.ts";
import { openaiEnds } from "../../src/providers/refusals/openai.ts";
import { openrouterEnds } from "../../src/providers/refusals/openrouter.ts";
import { replyTo, verdict } from "./fixtures/canned.ts";
import { type VendorName, vendors } from "./fixtures/vendors.ts";

const tables: Readonly<Record<VendorName, Ends>> = {
  anthropic: anthropicEnds,
  openai: openaiEnds,
  google: googleEnds,
  openrouter: openrouterEnds,
};

/** An envelope with an answer that is whole, but for how the vendor says that it ended. */
const envelopes: Readonly<Record<VendorName, (word: unknown) => object>> = {
  anthropic: (stop_reason) => ({ stop_reason, content: [{ type: "text", text: verdict }] }),
  openai: (word) => ({
    ...(word === "completed"
      ? { status: word }
      : { status: "incomplete", incomplete_details: { reason: word } }),
    output: [{ type: "message", content: [{ type: "output_text", text: verdict }] }],
  }),
  google: (finishReason) => ({ candidates: [{ finishReason, content: { parts: [{ text: verdict }] } }] }),
  openrouter: (finish_reason) => ({ choices: [{ finish_reason, message: { content: verdict } }] }),
};

const truncated = { reason: "truncated" };
const content = (kind: string) => ({ reason: "content_refused", kind });
const judged = (vendor: VendorName, word: unknown) => [vendor, word, null] as const;
const blocked = (vendor: VendorName, word: string) => [vendor, word, content(word)] as const;

const rows: readonly (readonly [vendor: VendorName, word: unknown, failure: object | null])[] = [
  judged("anthropic", "end_turn"),
  judged("anthropic", "stop_sequence"),
  judged("anthropic", "tool_use"),
  ["anthropic", "max_tokens", truncated],
  ["anthropic", "model_context_window_exceeded", truncated],
  blocked("anthropic", "refusal"),
  judged("openai", "completed"),
  ["openai", "max_output_tokens", truncated],
  blocked("openai", "content_filter"),
  judged("google", "STOP"),
  ["google", "MAX_TOKENS", truncated],
  ["google", "CONTINUATION", truncated],
  blocked("google", "SAFETY"),
  blocked("google", "RECITATION"),
  blocked("google", "LANGUAGE"),
  blocked("google", "BLOCKLIST"),
  blocked("google", "PROHIBITED_CONTENT"),
  blocked("google", "SPII"),
  blocked("google", "MODEL_ARMOR"),
  blocked("google", "JAILBREAK"),
  blocked("google", "ESCALATION"),
  ["google", "PUP_LIMITED_DISABLED", { reason: "credentials_refused", status: 200 }],
  judged("openrouter", "stop"),
  judged("openrouter", ""),
  judged("openrouter", null),
  judged("openrouter", undefined),
  ["openrouter", "length", truncated],
  blocked("openrouter", "content_filter"),
  ["openrouter", "error", { reason: "unavailable", status: 200, retryAfterMs: null }],
];

it.each(rows)("an answer of %s that ends in %j", async (vendor, word, failure) => {
  const { outcome } = await replyTo(vendors[vendor], { body: envelopes[vendor](word) });
  expect(outcome).toEqual(
    failure === null
      ? { ok: true, value: { text: verdict, model: "judge-1" } }
      : { ok: false, error: failure },
  );
});

it("each word in the vendors' tables has its row here", () => {
  const listed = Object.entries(tables).flatMap(([vendor, ends]) =>
    [...ends.keys()].map((word) => `${vendor} ${String(word).replace("incomplete: ", "")}`),
  );
  const tried = rows.map(([vendor, word]) => `${vendor} ${String(word)}`);
  expect(listed.filter((word) => !tried.includes(word))).toEqual([]);
});

it.each(["anthropic", "openai", "google", "openrouter"] as const)(
  "no answer of %s ends in a word that nobody knows, or in one of JavaScript's",
  async (vendor) => {
    for (const word of ["pause", "constructor", "whole", 0, true, {}, ["stop"]]) {
      const { outcome } = await replyTo(vendors[vendor], { body: envelopes[vendor](word) });
      expect(outcome).toEqual({ ok: false, error: { reason: "unreadable", why: "not_an_answer" } });
    }
  },
);

describe("of several answers", () => {
  const said = (texts: readonly string[], ended = "stop", refusal = ""): Said => ({ ended, refusal, texts });
  const answer = (...answers: readonly Said[]) => answerIn(openrouterEnds, answers, "judge-1");

  it("each text counts by itself, but for blanks", () => {
    const texts = ["one", "two", "three"];
    expect(answer(said(["one", " "]), said(["two", "three"]), said([]))).toEqual({
      ok: true,
      value: { text: "one\ntwo\nthree", texts, model: "judge-1" },
    });
  });

  it("the first that is none is what the envelope is", () => {
    expect(answer(said(["one"]), said(["two"], "length"), said(["three"], "nothing known"))).toEqual({
      ok: false,
      error: truncated,
    });
  });

  it("a refusal with a name of its own counts before the word", () => {
    expect(answer(said(["one"], "length", "cyber"))).toEqual({ ok: false, error: content("cyber") });
  });

  it("blanks are an empty answer, and no answers are none", () => {
    expect(answer(said([" "]), said([]))).toMatchObject({ ok: false, error: { why: "empty" } });
    expect(answer()).toMatchObject({ ok: false, error: { why: "not_an_answer" } });
  });
});
