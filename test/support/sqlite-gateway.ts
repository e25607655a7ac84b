/** The flow over a SQLite of a test, with a judge that the test is. */
import { createGateway, type Gateway } from "../../src/gateway/gateway.ts";
import type { Provider, Reply } from "../../src/gateway/ports.ts";
import { goodVerdict, signed } from "../../tools/fake-upstream/signed.ts";
import { draftOf } from "../contracts/tickets.ts";
import { config, type sqliteForTest } from "./sqlite-store.ts";

type SqliteWorld = Awaited<ReturnType<typeof sqliteForTest>>;

/** Works on tickets from now on. @param stopping `null`: it never does */
export function gatewayOver(
  { sqlite, clock }: Pick<SqliteWorld, "sqlite" | "clock">,
  judge: (prompt: string, signal: AbortSignal) => Promise<Reply>,
  stopping: AbortSignal | null = null,
): Gateway {
  const provider: Provider = {
    name: "mock",
    plan: () => draftOf().about.plan,
    cost: () => null,
    judge: ({ user }, signal) => judge(user, signal),
  };
  const gateway = createGateway(
    {
      providers: new Map([["mock", provider]]),
      gate: sqlite.gate,
      tickets: sqlite.tickets,
      keys: sqlite.keys,
      clock,
      newId: () => crypto.randomUUID(),
      random: () => 0.5,
      sha256: (text) => String(text.length),
      stopping,
      mask: (text) => text,
      tell: () => {},
    },
    {
      defaults: {
        provider: "mock",
        models: { anthropic: "a", openai: "o", google: "g", openrouter: "r", mock: "m" },
        maxTokens: 4096,
      },
      requestTimeoutMs: config.llm.requestTimeoutMs,
      maxRetries: 0,
    },
  );
  sqlite.start(gateway.run);
  return gateway;
}

/** A good judgement of what is asked in the prompt. */
export function verdictOn(prompt: string): Reply {
  return {
    outcome: { ok: true, value: { text: signed(goodVerdict, prompt), model: "m" } },
    usage: null,
    requestId: null,
    status: 200,
  };
}
