/** Calls that take tickets, and whose answers don't arrive: whatever they have claimed is asked for until there is an answer. */
import { expect, it } from "vitest";
import { StoreAway } from "../../../src/gateway/ports.ts";
import type { ScriptRunner } from "../../../src/stores/redis/script-runner.ts";
import { redisTickets } from "../../../src/stores/redis/tickets.ts";

const policy = { ttlMs: 1_000, maxAttempts: 1, leaseMs: 1_000, retentionMs: 1_000, recoveryMs: 1_000 };
type Take = { readonly permits: readonly string[]; readonly lost: readonly string[] };

it("forgets no permit however long Redis is silent, and claims nothing new when there are very many", async () => {
  const takes: Take[] = [];
  let isSilent = true;
  let ids = 0;
  const atGate: ScriptRunner["atGate"] = (_provider, call) => {
    if (call.verb === "take") takes.push(call);
    return isSilent ? Promise.reject(new StoreAway("silent")) : Promise.resolve([]);
  };
  const never = () => Promise.reject(new StoreAway("not asked here"));
  const tickets = redisTickets({
    redis: { run: never, command: never },
    script: { atGate, call: never, nowMs: () => 0, aheadMs: () => 0 },
    policy,
    onFault(error) {
      throw error;
    },
    newId: () => `permit-${++ids}`,
    random: () => 0.5,
  });
  for (let n = 0; n < 100; n++) await expect(tickets.fetch("mock", 8)).rejects.toThrow(StoreAway);
  isSilent = false;
  await tickets.fetch("mock", 8);
  await tickets.fetch("mock", 8);
  const [last, answered] = [takes.at(-1), takes.at(-2)];
  expect(answered?.lost).toEqual(takes.slice(0, -2).flatMap(({ permits }) => permits));
  expect(answered?.lost.length).toBeLessThan(300);
  expect(last?.lost).toEqual([]);
  expect(last?.permits).toHaveLength(8);
});
