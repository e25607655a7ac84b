/** That everything comes to its end: in good time once nothing fails any more, and without leaving anything behind. */
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { GateObject } from "./gate-object.ts";
import type { Hope } from "./hope.ts";
import type { KeyObject } from "./key-object.ts";
import type { TicketObject } from "./ticket-object.ts";
import { startMs } from "./scheduler.ts";
import type { TicketWatch } from "./watch-tickets.ts";
import type { World } from "./world.ts";

const minuteMs = 60_000;
/**
 * The longest hold of a model or of credentials is 15 minutes; a silent place is asked after within five more, and a ticket whose gate has lost
 * its place speaks up within ten.
 */
const recoveredMs = 25 * minuteMs;
/** A ticket repeats a notice each minute at least, and its alarm may be a minute late. Silent places are asked after later. */
const heardMs = 3 * minuteMs;

/** Once nothing fails, whatever waits is judged: expiring is no way out for what had the time. */
export function checkProgress(
  world: World,
  tickets: TicketWatch,
  gates: ReadonlyMap<ProviderName, GateObject>,
  hope: Hope,
): void {
  const { plan, scheduler } = world;
  scheduler.after(plan.healMs + heardMs, () => checkHeard(world, tickets, gates));
  scheduler.after(plan.healMs + recoveredMs, () => {
    for (const known of tickets.all()) {
      // A text that its vendor can't bear has none.
      if (hope.wellFromMs(known) === Infinity) continue;
      if (known.endedAtMs === null)
        world.violate("4 ends", `${known.status} long after all was well`, known.id);
      const hadTime = known.age.mostMs() < known.leftMs;
      if (known.status === "expired" && hadTime) world.violate("4 ends", "expired before its time", known.id);
    }
    for (const gate of gates.values()) {
      const left = [...gate.places().values()].find(
        ({ ticketId }) => tickets.known(ticketId)?.endedAtMs !== null,
      );
      if (left) world.violate("9 places", `${gate.name} keeps a place for nobody`, left.ticketId);
    }
  });
}

/**
 * Once it can be reached, each gate has heard of the tickets that wait and to which nothing has happened since. (A place of one that has ended
 * may be left for longer: where a slow notice came behind a later one.)
 */
function checkHeard(world: World, tickets: TicketWatch, gates: ReadonlyMap<ProviderName, GateObject>): void {
  // A gate that has lost its places hears of them when their tickets next speak up.
  if (world.plan.rates.has("gate_forgets")) return;
  for (const { id, about, ticket, changedAtMs } of tickets.all()) {
    const gate = gates.get(about.provider);
    if (!gate || ticket?.state.status !== "queued") continue;
    const hasRested = changedAtMs <= startMs + world.plan.healMs;
    if (hasRested && !gate.places().has(id))
      world.violate("9 places", `${gate.name} has not heard that it waits`, id);
  }
}

/** Nothing is left to happen: nothing may be left. */
export function checkEnd(
  world: World,
  tickets: TicketWatch,
  gates: ReadonlyMap<ProviderName, GateObject>,
  keys: ReadonlyMap<string, KeyObject>,
  objects: ReadonlyMap<string, TicketObject>,
): void {
  for (const [id, object] of objects)
    if (object.asked() !== null) world.violate("4 ends", "asks its gate for ever", id);
  for (const { id, ticket } of tickets.all())
    if (ticket !== null) world.violate("4 ends", `${ticket.state.status} for ever`, id);
  for (const gate of gates.values()) {
    const [place] = gate.places().values();
    if (place) world.violate("9 places", `${gate.name} keeps a place for ever`, place.ticketId);
  }
  for (const [name, key] of keys)
    if (key.stored() !== null) world.violate("idempotency", "a key is kept for ever", name);
}
