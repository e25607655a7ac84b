/** The judge in the fake: the same words for the same question, within the schema it was given. */
import { createQualityJudge } from "../../src/providers/quality-judge.ts";
import { boundaryAsked, signed } from "./signed.ts";
import { isObject, type JsonObject } from "./json.ts";
import type { Fault, Step } from "./script.ts";
import type { Ending, Question, Tokens, Words } from "./vendor.ts";

/** @param step `null`: nothing was scripted */
export function wordsFor(question: Question, step: Step | null): Words {
  const whole = signed(
    step?.text ?? JSON.stringify(judgementFor(question.schema, wantedBy(question, step))),
    question.promptText,
  );
  const ending = endingOf(step);
  const text = writtenUntil(ending, whole);
  return {
    text,
    ending,
    usage: step?.usage === null ? null : { ...estimate(question, text, ending), ...given(step?.usage) },
    model: step?.model ?? question.model,
  };
}

function wantedBy({ promptText }: Question, step: Step | null): JsonObject {
  const boundary = boundaryAsked(promptText);
  const byQuality =
    step?.quality === undefined || boundary === null ? null : judgeOf(step)(promptText, boundary);
  const asked = { ...(boundary !== null && { boundary }), ...byQuality };
  if (step?.echo === undefined) return { ...asked, ...step?.judgement };
  const found = promptText.match(new RegExp(step.echo, "g")) ?? [];
  const justification = [...found, defaultJudgement.justification].join(" ");
  return { ...asked, justification, ...step.judgement };
}

/** Each step's own, which counts what it is asked. */
const judges = new WeakMap<Step, ReturnType<typeof createQualityJudge>>();

function judgeOf(step: Step) {
  const known = judges.get(step);
  if (known !== undefined) return known;
  const { seed = 0, orderEffect = 0, lengthEffect = 0 } = step.quality ?? {};
  const judge = createQualityJudge({ seed, orderEffect, lengthEffect });
  judges.set(step, judge);
  return judge;
}

const defaultJudgement = {
  winner: "Essay A",
  justification:
    "Essay A states its thesis sooner, supports each claim with evidence and keeps one line of argument to its conclusion.",
  confidence: 4.2,
};

/** With a schema exactly its keys in its order; without one those that a prompt would ask for. */
function judgementFor(schema: JsonObject | null, wanted: JsonObject): JsonObject {
  if (schema === null) return { ...wanted, ...defaultJudgement, ...wanted };
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const order = schema["propertyOrdering"];
  const keys = Array.isArray(order) ? order.map(String) : Object.keys(properties);
  return Object.fromEntries(
    keys.map((key) => [key, key in wanted ? wanted[key] : example(properties[key], key)]),
  );
}

function example(schema: unknown, key: string): unknown {
  if (!isObject(schema)) return null;
  if ("const" in schema) return schema["const"];
  const choices = schema["enum"];
  if (Array.isArray(choices))
    return choices.find((choice) => choice === defaultJudgement.winner) ?? choices[0];
  if (Array.isArray(schema["anyOf"])) return example(schema["anyOf"][0], key);
  const type = Array.isArray(schema["type"]) ? (schema["type"] as unknown[])[0] : schema["type"];
  switch (String(type).toLowerCase()) {
    case "string":
      return key === "winner" ? defaultJudgement.winner : defaultJudgement.justification;
    case "integer":
      return Math.floor(defaultJudgement.confidence);
    case "number":
      return defaultJudgement.confidence;
    case "boolean":
      return true;
    case "array":
      return [];
    case "object":
      return judgementFor(schema, {});
    default:
      return null;
  }
}

function endingOf(step: Step | null): Ending {
  if (step?.fault === "safety" && step.at === "answer") return "answerBlocked";
  return endings[step?.fault ?? "none"] ?? "whole";
}

const endings: Partial<Record<Fault, Ending>> = {
  refusal: "refused",
  safety: "promptBlocked",
  recitation: "recited",
  truncatedAnswer: "cutShort",
  emptyAnswer: "empty",
};

function writtenUntil(ending: Ending, whole: string): string {
  switch (ending) {
    case "whole":
      return whole;
    case "cutShort":
      return whole.slice(0, Math.ceil(whole.length / 2));
    case "refused":
      return "I can't help with judging these essays.";
    case "promptBlocked":
    case "answerBlocked":
    case "recited":
    case "empty":
      return "";
  }
}

/** Four characters to a token, and 128 tokens of reasoning; one that reasons to its end uses all it may. */
function estimate(question: Question, text: string, ending: Ending): Tokens {
  const reasoningTokens =
    ending === "empty"
      ? (question.maxTokens ?? 128)
      : question.reasons && ending !== "promptBlocked"
        ? 128
        : 0;
  return {
    promptTokens: Math.ceil(question.promptText.length / 4),
    cachedTokens: 0,
    cacheWriteTokens: 0,
    completionTokens: reasoningTokens + Math.ceil(text.length / 4),
    reasoningTokens,
  };
}

/** Without the keys that are there but undefined. */
function given(usage: Step["usage"]): Partial<Tokens> {
  return Object.fromEntries(Object.entries(usage ?? {}).filter(([, count]) => count !== undefined));
}
