/** The cursor of a list of tickets: where to go on, and by which filters it was made. Opaque to clients. */
import type { ListPosition, TicketQuery } from "../gateway/ports.ts";

export interface Filters extends Pick<TicketQuery, "status" | "provider"> {
  /** Of an operator's list: whose tickets, or all tenants' (`null`). Absent: it is a tenant's own. */
  readonly of?: string | null;
}

/** What a cursor is read as. `others`: it was made by other filters, and would leave tickets out or show them twice. */
export type CursorRead =
  | { readonly kind: "position"; readonly position: ListPosition }
  | { readonly kind: "others" }
  | { readonly kind: "unreadable" };

const version = "1";

export function cursorOf({ acceptedAtMs, id }: ListPosition, filters: Filters): string {
  return opaque([version, acceptedAtMs, id, ...textsOf(filters)].join(" "));
}

export function readCursor(cursor: string, filters: Filters): CursorRead {
  const [of, atMs = "", id = "", ...texts] = openCursor(cursor).split(" ");
  const isOurs = of === version && moment.test(atMs) && uuid.test(id);
  if (!isOurs || texts.length < 2 || texts.length > 3) return { kind: "unreadable" };
  if (texts.join(" ") !== textsOf(filters).join(" ")) return { kind: "others" };
  return { kind: "position", position: { acceptedAtMs: Number(atMs), id } };
}

/** No tenant is called so. */
const allTenants = "*";

function textsOf({ status, provider, of }: Filters): readonly string[] {
  return [status ?? "", provider ?? "", ...(of === undefined ? [] : [of ?? allTenants])];
}

const moment = /^\d{1,16}$/;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What a cursor holds, for no client to read. @param text ASCII */
export function opaque(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @returns what was made opaque, or anything else: to be looked at before it is used */
export function openCursor(cursor: string): string {
  try {
    return atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return "";
  }
}
