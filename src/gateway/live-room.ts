/**
 * Room for live requests in this process or isolate: how many, and how many bytes of theirs, are held at once. Shared like a queue's places:
 * from the watermark on only tenants come in that hold less than their share. Nobody waits here; who finds no room is kept as a ticket, or
 * told to come again.
 */
import { hasLiveRoom, type Held, type RoomLimits } from "../domain/live.ts";

export interface LiveRoom {
  /** `null`: there is no room for this tenant now. */
  enter(tenant: string, bytes: number): Stay | null;
}

interface Stay {
  /** It holds so many bytes from now on, whatever the limit. */
  readonly resize: (bytes: number) => void;
  /** The same where there is room for so many. @returns false: there is not, and it holds what it held */
  readonly grow: (bytes: number) => boolean;
  /** A second time it changes nothing. */
  readonly leave: () => void;
}

interface Guest {
  readonly tenant: string;
  readonly bytes: number;
  readonly endsAtMs: number;
}

/** @param monotonicMs of a clock that nobody sets, in milliseconds: a guest's time is a duration */
export function createLiveRoom(limits: RoomLimits, monotonicMs: () => number): LiveRoom {
  const guests = new Map<number, Guest>();
  /** Of tenants with guests. */
  const loads = new Map<string, Held>();
  let entered = 0;

  function weigh({ tenant, bytes }: Guest, times: 1 | -1): void {
    const { size, bytes: held } = loads.get(tenant) ?? { size: 0, bytes: 0 };
    const next = { size: size + times, bytes: held + times * bytes };
    if (next.size === 0) loads.delete(tenant);
    else loads.set(tenant, next);
  }

  function remove(id: number): void {
    const guest = guests.get(id);
    if (guest !== undefined && guests.delete(id)) weigh(guest, -1);
  }

  function put(id: number, guest: Guest): void {
    remove(id);
    guests.set(id, guest);
    weigh(guest, 1);
  }

  function hasRoom(tenant: string, bytes: number): boolean {
    if (hasLiveRoom(loads, tenant, bytes, limits)) return true;
    forgetLost();
    return hasLiveRoom(loads, tenant, bytes, limits);
  }

  function forgetLost(): void {
    const nowMs = monotonicMs();
    for (const [id, { endsAtMs }] of guests) if (endsAtMs <= nowMs) remove(id);
  }

  return {
    enter(tenant, bytes) {
      if (!hasRoom(tenant, bytes)) return null;
      const id = entered++;
      const guest = { tenant, bytes, endsAtMs: monotonicMs() + limits.leaseMs };
      put(id, guest);
      return {
        resize(bytes) {
          if (guests.has(id)) put(id, { ...guest, bytes });
        },
        grow(bytes) {
          const before = guests.get(id);
          if (before === undefined) return false;
          remove(id);
          const mayGrow = hasRoom(tenant, bytes);
          put(id, mayGrow ? { ...before, bytes } : before);
          return mayGrow;
        },
        leave: () => remove(id),
      };
    },
  };
}
