/** What a ticket costs its gate in one process. */
import { expect, it, vi } from "vitest";
import { createGateway } from "../../../src/gateway/gateway.ts";
import type * as Keepers from "../../../src/engine/gate-keeper.ts";
import type { Provider } from "../../../src/gateway/ports.ts";
import { goodVerdict, signed } from "../../../tools/fake-upstream/signed.ts";
import { draftOf } from "../../contracts/tickets.ts";
import { config, sqliteForTest } from "../../support/sqlite-store.ts";

const counted = vi.hoisted(() => ({ verbs: 0 }));
vi.mock("../../../src/engine/gate-keeper.ts", async (original) => {
  const { createGateKeeper } = await original<typeof Keepers>();
  return {
    createGateKeeper: (parts: Keepers.GateKeeperParts) =>
      createGateKeeper({
        ...parts,
        atomically(work) {
          counted.verbs++;
          return parts.atomically(work);
        },
      }),
  };
});

it("asks a gate's table at most 5 times for a ticket, from its admission to its end", async () => {
  const world = await sqliteForTest();
  const judge: Provider = {
    name: "mock",
    plan: () => draftOf().about.plan,
    cost: () => null,
    judge: async ({ user }) => ({
      outcome: { ok: true, value: { text: signed(goodVerdict, user), model: "m" } },
      usage: null,
      requestId: null,
      status: 200,
    }),
  };
  const gateway = createGateway(
    {
      ...world.sqlite,
      providers: new Map([["mock", judge]]),
      clock: world.clock,
      newId: () => crypto.randomUUID(),
      random: () => 0.5,
      sha256: (text) => String(text.length),
      stopping: null,
      mask: (text) => text,
      onAttempt: () => {},
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
  world.sqlite.start(gateway.run);
  await world.advance(0);
  counted.verbs = 0;
  const submitted = await gateway.submit(asked, caller);
  if (!submitted.ok || submitted.value.kind !== "kept") throw new Error(JSON.stringify(submitted));
  const { id } = submitted.value.ticket.about;
  expect(submitted.value.estimate).toMatchObject({ position: 1 });
  await world.advance(0);
  expect((await world.tickets.load(id))?.state.status).toBe("completed");
  expect(counted.verbs).toBeGreaterThan(3);
  expect(counted.verbs).toBeLessThanOrEqual(5);
});

const asked = {
  userPrompt: "Which one?",
  essayA: "One.",
  essayB: "Another.",
  provider: null,
  model: null,
  systemPrompt: null,
  temperature: null,
  maxTokens: null,
  reasoningEffort: null,
};

const caller = {
  mode: "queue",
  priority: 0,
  correlationId: "c",
  tenant: "t",
  userId: null,
  traceId: null,
  metadata: {},
  onHangUp: null,
  queueId: null,
} as const;
