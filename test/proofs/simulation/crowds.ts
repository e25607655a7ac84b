/** Those who come together: one tenant that names one model after another which is refused to us, and one that asks every few seconds. */
import type { Request } from "./clients.ts";
import { gatedModel, tenants } from "./subjects.ts";
import type { World } from "./world.ts";

interface Coming {
  /** Since the start. */
  readonly atMs: number;
  readonly request: Request;
}

/** @param draw a request like any other */
export function drawCrowds(world: World, draw: (number: number, before: null) => Request): readonly Coming[] {
  const { plan } = world;
  const provider = plan.providers[0] ?? null;
  const plain = (number: number): Request => ({
    ...draw(plan.requests + 1 + number, null),
    key: null,
    hangsUpAfterMs: null,
  });

  function namingGatedModels(): readonly Coming[] {
    const random = world.random("gated_models");
    const tenant = random.pick(tenants);
    const fromMs = random.between(0, plan.busyMs);
    return Array.from({ length: random.between(9, 14) }, (_, at) => {
      const request = plain(at + 1);
      return {
        atMs: fromMs + random.between(0, 60_000),
        request: {
          ...request,
          name: `gated ${at + 1}`,
          asked: { ...request.asked, provider, model: `${gatedModel}-${at + 1}` },
          mode: random.pick(["queue", "immediate"]),
          tenant,
        },
      };
    });
  }

  /** So that others of its model are served. */
  function steady(): readonly Coming[] {
    const random = world.random("steady_traffic");
    const tenant = random.pick(tenants);
    let atMs = random.between(0, plan.busyMs);
    return Array.from({ length: random.between(20, 60) }, (_, at) => {
      const request = plain(100 + at);
      atMs += random.between(1_000, 5_000);
      return {
        atMs,
        request: {
          ...request,
          name: `steady ${at + 1}`,
          asked: { ...request.asked, provider, model: null },
          mode: "immediate",
          tenant,
        },
      };
    });
  }

  return [
    ...(plan.rates.has("gated_models") ? namingGatedModels() : []),
    ...(plan.rates.has("steady_traffic") ? steady() : []),
  ];
}
