/** Tenants that list their tickets, and what each list is held against: all that it owns is in it, or it says that there may be more. */
import type { ListPosition } from "../../../src/gateway/ports.ts";
import type { TicketCopy } from "../../../src/domain/ticket/ticket.ts";
import type { Worker } from "./instance.ts";
import { tenants } from "./subjects.ts";
import { newWalk, walks } from "./walk.ts";
import type { TicketWatch } from "./watch-tickets.ts";
import type { World } from "./world.ts";

/** So late a list may be, at most. */
const lateMs = 2_000;
/** A list takes its time, and a ticket may be forgotten meanwhile. */
const listMs = 60_000;
const mostPages = 60;

export function startLists(world: World, someone: () => Worker | null, tickets: TicketWatch): void {
  const { plan, scheduler } = world;
  if (!plan.rates.has("lists") && !plan.rates.has("index_away")) return;
  const random = world.random("lists");
  for (let count = random.between(10, 60); count > 0; count--)
    scheduler.after(random.between(1_000, plan.healMs + 60_000), list);

  function list(): void {
    const instance = someone();
    if (instance === null) return;
    const tenant = random.pick(tenants);
    const limit = random.pick([2, 50]);
    const walk = newWalk("request", `list of ${tenant}`, instance.life.name, null, scheduler.nowMs());
    walks.run(walk, () => {
      pagesOf(instance, tenant, limit).then(
        (found) => check(tenant, walk.atMs, found),
        (error: unknown) => instance.failed(error, walk),
      );
    });
  }

  async function pagesOf(instance: Worker, tenant: string, limit: number) {
    const found: TicketCopy[] = [];
    let complete = true;
    let after: ListPosition | null = null;
    for (let pages = 0; pages < mostPages; pages++) {
      const page = await instance.list({ tenant, provider: null, status: null, limit, after });
      found.push(...page.tickets);
      complete &&= page.complete;
      if (page.next === null) return { found, complete };
      after = page.next;
    }
    return { found, complete: false };
  }

  function check(
    tenant: string,
    askedAtMs: number,
    { found, complete }: { readonly found: readonly TicketCopy[]; readonly complete: boolean },
  ): void {
    world.note(
      `list of ${tenant}`,
      `${found.length} tickets, ${complete ? "complete" : "there may be more"}`,
    );
    const shown = new Set(found.map(({ about }) => about.id));
    if (shown.size < found.length) world.violate("list", "one ticket is listed twice");
    for (const ticket of found) checkShown(tenant, ticket);
    const owned = [...tickets.all()].filter(({ about }) => about.tenant === tenant);
    const isOld = (atMs: number) => atMs <= askedAtMs - lateMs;
    // A gate that loses what it had may not know of one that has ended unheard of.
    if (complete && !plan.rates.has("gate_forgets"))
      for (const { id, keptAtMs, ended } of owned) {
        const isForgotten = ended !== null && ended.mostMs() >= plan.policy.retentionMs - listMs;
        if (isOld(keptAtMs) && !isForgotten && !shown.has(id))
          world.violate("list", "is not in a list that says it is complete", id);
      }
    if (!complete && plan.isCalm && owned.every(({ keptAtMs }) => isOld(keptAtMs)))
      world.violate("list", "says that there may be more, though all is well", tenant);
  }

  function checkShown(tenant: string, { about, state }: TicketCopy): void {
    if (about.tenant !== tenant) world.violate("private", "listed to a stranger", about.id);
    if ("texts" in state) world.violate("11 erased", `listed with its texts, ${state.status}`, about.id);
  }
}
