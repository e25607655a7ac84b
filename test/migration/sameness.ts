/** Is what is said of an old ticket now what was said of it then? */
import type { OldTicket } from "./fixture.ts";
import { movedAnswer } from "./moments.ts";
import type { Body, OldWorld } from "./world.ts";

export const hasEnded = ({ was }: OldTicket) => was !== "queued" && was !== "processing";

/** Its judgement was given, and lies where the process kept it while Redis was away: told in time it needs no other call. */
export const isSpooled = ({ name }: OldTicket) => name.startsWith("spooled-");

/** @returns what differs, a line each: none should */
export async function differencesOf(world: OldWorld, tickets: readonly OldTicket[]): Promise<string[]> {
  const found: string[] = [];
  for (const ticket of tickets) found.push(...(await differencesOfOne(world, ticket)));
  return found;
}

/** Words, and what depends on the present moment. */
const free = [
  "error",
  "error_message",
  "details",
  "message",
  "retry_after",
  "position_in_queue",
  "estimated_wait_minutes",
];
/** A ticket that waits may be asked for at this moment, and why it waits depends on its gate. */
const freeWhileItWaits = [...free, "status", "updated_at", "error_type"];

async function differencesOfOne(world: OldWorld, ticket: OldTicket): Promise<string[]> {
  const { tenant, id } = ticket;
  const status = await world.ask(tenant, `/api/v1/status/${id}`);
  if (isSpooled(ticket) && status.body["status"] === "completed") return [];
  const results = await world.ask(tenant, `/api/v1/results/${id}`);
  const others = ["maths", "physics"].filter((other) => other !== tenant);
  const strangers = await Promise.all(others.map((other) => world.ask(other, `/api/v1/status/${id}`)));
  const isKept = hasEnded(ticket) || ["queued", "processing"].includes(String(status.body["status"]));
  return [
    ...compared("status", status),
    ...compared("results", results),
    ...(isKept ? [] : [`it is ${String(status.body["status"])}`]),
    ...(strangers.every(({ status }) => status === 404) ? [] : ["another tenant can read it"]),
  ].map((line) => `${ticket.name}: ${line}`);

  function compared(which: "status" | "results", present: { status: number; body: Body }): string[] {
    const { code, text } = ticket[which];
    // An error's is that of its own request.
    const own = code >= 400 ? ["correlation_id"] : [];
    const but = [...(hasEnded(ticket) ? free : freeWhileItWaits), ...own];
    return [
      ...(present.status === code ? [] : [`${which} was ${code} and is ${present.status}`]),
      ...differences(movedAnswer(JSON.parse(text), world.move), present.body, but, which),
    ];
  }
}

/** Where the present answer lacks what the old one said. It may say more, and money may be rounded. */
function differences(old: unknown, present: unknown, but: readonly string[], at: string): string[] {
  if (typeof old === "number" && typeof present === "number" && Math.abs(old - present) < 1e-9) return [];
  if (typeof old !== "object" || old === null || typeof present !== "object" || present === null) {
    return Object.is(old, present)
      ? []
      : [`${at} was ${JSON.stringify(old)} and is ${JSON.stringify(present)}`];
  }
  const there = present as Body;
  return Object.entries(old).flatMap(([name, value]) => {
    if (!(name in there)) return [`${at}.${name} is gone`];
    return but.includes(name) ? [] : differences(value, there[name], but, `${at}.${name}`);
  });
}
