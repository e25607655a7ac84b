/** What tenants used, gathered in this isolate and stored behind the answers in an object for each tenant. */
import { gatherMs, gatheredTotals, type GatheredTotals, type Used } from "../../accounts/totals.ts";
import { wait } from "../../gateway/deadline.ts";
import type { Clock } from "../../gateway/ports.ts";
import type { Environment } from "../environment.ts";
import type { TotalsObject } from "../objects/totals-object.ts";
import { askObject, type Remote } from "./ask-object.ts";

/** @param later lets work that follows an answer finish, within 30 s */
export function remoteTotals(
  env: Environment,
  clock: Clock,
  later: (work: Promise<unknown>) => void,
): GatheredTotals {
  const ask = <Reply>(tenant: string, verb: (totals: Remote<TotalsObject>) => Promise<Reply>) =>
    askObject<TotalsObject, Reply>(env.TOTALS_OBJECTS, nameOf(tenant), verb);
  const read = (tenant: string, day: string) => ask<Used>(tenant, (totals) => totals.of(day));
  const totals = gatheredTotals(
    {
      async add(uses) {
        await Promise.allSettled(
          uses.map(({ tenant, day, requests, costUsd }) =>
            ask(tenant, (object) => object.add(day, requests, costUsd)),
          ),
        );
        // Not told again: a request to an object is what they cost.
        return [];
      },
      read,
    },
    clock,
    (flush) => {
      later(wait(clock, gatherMs).then(flush));
      // A timer of another request can't be cancelled here.
      return () => {};
    },
  );

  return {
    ...totals,
    add(...use) {
      const [, , requests] = use;
      // What tickets cost is stored at the end of their batch, which a flush in five seconds would hold up for as long.
      if (requests === 0) totals.gather(...use);
      else totals.add(...use);
    },
    async of(tenant, day) {
      await totals.flush();
      return read(tenant, day);
    },
  };
}

/** Without keys there is one tenant, and it may have no name. */
function nameOf(tenant: string): string {
  return `tenant:${tenant}`;
}
