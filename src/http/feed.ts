/** `GET /api/v1/events`: a tenant's tickets that have ended, in the order of their ends, behind a cursor. */
import type { z } from "zod";
import type { Feed, FeedPage } from "../gateway/ports.ts";
import { feedQuery } from "../wire/schemas.ts";
import { queryParameters } from "./address.ts";
import { jsonType, textAnswer } from "./answer.ts";
import type { Problem } from "./errors.ts";
import { opaque, openCursor } from "./list-cursor.ts";
import { lookUntil, type WaitParts } from "./long-poll.ts";
import { notValid } from "./problems.ts";
import { refuse, type Guard, type RouteContext, type Routes } from "./route-context.ts";

export interface FeedParts extends Pick<WaitParts, "live" | "clock" | "platform"> {
  readonly feed: Feed;
}

export function feedRoutes(app: Routes, guard: Guard, parts: FeedParts): void {
  app.get("/api/v1/events", guard, queryParameters(feedQuery), (c) =>
    showEvents(c, c.req.valid("query"), parts),
  );
}

async function showEvents(
  c: RouteContext,
  { after, limit, wait = 0 }: z.infer<typeof feedQuery>,
  parts: FeedParts,
): Promise<Response> {
  const number = after === undefined ? null : numberIn(after);
  if (number === "unreadable") {
    return refuse(c, notValid("address", [{ path: "after", message: "is none of this service's" }]));
  }
  const page = await awaitPage(c, parts, number, limit, wait * 1_000);
  if (page.kind === "expired") return refuse(c, expiredAfter(page.oldest));
  const { events, last, more } = page;
  const json = `{"events":[${events.join(",")}],"cursor":${JSON.stringify(cursorAt(last))},"more":${more}}`;
  return textAnswer(200, json, jsonType, c.get("correlationId"));
}

/** @param waitMs for as long as nothing is behind the number. Where there is no room to wait, what is there is answered at once */
async function awaitPage(
  c: RouteContext,
  parts: FeedParts,
  after: number | null,
  most: number,
  waitMs: number,
): Promise<FeedPage> {
  const { feed, live, platform } = parts;
  const tenant = c.get("tenant") ?? "";
  const look = () => feed.page(tenant, after, most);
  const page = await look();
  if (waitMs === 0 || isThere(page)) return page;
  const ear = await live.listen({ kind: "feed", tenant }, tenant, "wait");
  if (ear === null) return page;
  const unwatch = platform.onHangUp(c, ear.leave);
  try {
    return await lookUntil(page, isThere, look, ear, parts, waitMs);
  } finally {
    unwatch();
    ear.leave();
  }
}

function isThere(page: FeedPage): boolean {
  return page.kind === "expired" || page.events.length > 0 || page.more;
}

function expiredAfter(oldest: number): Problem {
  return {
    status: 410,
    type: "CURSOR_EXPIRED",
    sentence:
      "Not all that came behind this cursor is kept any more, or it was never given: the cursor in details is the oldest that can be gone on from.",
    details: cursorAt(oldest),
  };
}

const version = "1";

function cursorAt(number: number): string {
  return opaque(`${version} ${number}`);
}

function numberIn(cursor: string): number | "unreadable" {
  const [, digits] = /^1 (0|[1-9]\d{0,14})$/.exec(openCursor(cursor)) ?? [];
  return digits === undefined ? "unreadable" : Number(digits);
}
