/** A ticket that was accepted before there was a boundary: sent as it would have been then, and read by the rule that was kept for it. */
import { expect, it } from "vitest";
import { frame1, schema1 } from "../../src/domain/judging/frame-1.ts";
import { judgementSchema } from "../../src/domain/judging/judgement.ts";
import { comparisonOf, isEnded, type Ticket } from "../../src/domain/ticket/ticket.ts";
import { refused } from "../support/scripted-transport.ts";
import { testService } from "../support/service.ts";
import { vendorKeys, vendorsInMemory } from "../support/vendors-in-memory.ts";

const verdict = '{"justification":"It keeps to the question.","winner":"Essay B","confidence":2}';

it.each([
  ["anthropic", "claude-sonnet-5-5", "schema"],
  ["anthropic", "claude-opus-4-1", "another model"],
  ["openai", "gpt-6-luna", "schema"],
  ["google", "gemini-3.8-flash", "schema"],
  ["openrouter", "openai/gpt-6.1-terra", "schema"],
])("is asked for what it was accepted with, and judged: %s, %s", async (provider, model) => {
  const { sent, old, found } = await oldTicket(provider, model, verdict);
  expect(found).toMatchObject({ status: "completed", result: { judgement: { winner: "Essay B" } } });
  expect(textIn(sent)).toContain(old.user);
  expect(sent).toContain(JSON.stringify(schema1.properties));
  expect(sent).not.toContain('boundary" of this');
  expect(sent).not.toContain(JSON.stringify(judgementSchema.properties));
});

it.each([
  ["two objects", `Quote: ${verdict} Mine: ${verdict}`],
  ["one beside a broken one", `Quote: ${verdict} Mine: {'winner': 'Essay A'}`],
])("has no judgement where the answer holds %s", async (_, answer) => {
  const { found } = await oldTicket("openai", "gpt-6-luna", answer);
  expect(found.status).not.toBe("completed");
});

/** A ticket as version 1df0c65 left it, carried on with today's code. */
async function oldTicket(provider: string, model: string, answer: string) {
  let isDown = true;
  const judge = vendorsInMemory(() => answer);
  const service = testService({
    env: { ...vendorKeys, DEFAULT_LLM_PROVIDER: provider },
    steps: (call, index) => (isDown || typeof judge !== "function" ? refused(503) : judge(call, index)),
  });
  const { body } = await service.compare({
    processing_mode: "queue",
    llm_config_overrides: { model_override: model },
  });
  const id = String(body["queue_id"]);
  await service.clock.advance(0);
  const stored = service.stores.stored as Map<string, Ticket>;
  const { frame: _, ...about } = ticketIn(stored, id).about;
  const ticket = { ...ticketIn(stored, id), about };
  stored.set(id, ticket);
  if (isEnded(ticket.state)) throw new Error("it has ended");
  const comparison = comparisonOf({ ...ticket, state: ticket.state });

  isDown = false;
  await service.clock.advance(120_000);
  const judged = service.vendor.calls.filter(({ method }) => method === "POST");
  return {
    old: { user: frame1(comparison, about.promptSha256) },
    sent: judged.at(-1)?.body ?? "",
    found: ticketIn(stored, id).state,
  };
}

function ticketIn(stored: ReadonlyMap<string, Ticket>, id: string): Ticket {
  const ticket = stored.get(id);
  if (ticket === undefined) throw new Error("it is gone");
  return ticket;
}

/** Every text in a JSON body, unescaped. */
function textIn(body: string): string {
  const texts: string[] = [];
  JSON.parse(body, (_, value: unknown) => {
    if (typeof value === "string") texts.push(value);
    return value;
  });
  return texts.join("\n");
}
