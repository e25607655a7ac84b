/**
 * Takes tickets of one provider from Redis when there is something to take. Nobody polls: every call of the script says when that is, and
 * tells it to all processes where that is new. Who has told it goes first, and the others come only if nobody was there: so a process
 * that dies holds nothing up, and ten processes ask hardly more often than one.
 */
import type { ClaimedTicket, Clock } from "../../gateway/ports.ts";
import type { Schedule } from "./script/calls.ts";

export interface FetcherParts {
  readonly clock: Clock;
  /** Redis' clock, as near as is known. */
  readonly storeNowMs: () => number;
  /** Tickets in flight at all processes together, at most. */
  readonly concurrency: number;
  /** At most so many, and no more than this process' share, of which it has so many in flight. @throws {StoreAway} */
  readonly fetch: (most: number, inFlight: number) => Promise<readonly ClaimedTicket[]>;
  /** Never rejects. */
  readonly run: (claimed: ClaimedTicket) => Promise<void>;
  /** Hears of a fetch that failed. */
  readonly onFault: (error: unknown) => void;
}

export interface Fetcher {
  /** What a call of our own has said. */
  onSchedule(schedule: Schedule): void;
  /** What another's has, for all to hear. */
  onWake(wake: Heard): void;
  /** Looks at once: a wake message may have been missed. */
  open(): void;
  /** Takes nothing any more, until `open`. Those in flight go on. */
  shut(): void;
}

type Heard = Pick<Schedule, "nowMs" | "wakeAtMs">;

/** So long the others leave tickets to whoever has told of them, and longer the more they have in flight. */
const courtesyMs = 20;
const perTicketMs = 5;
/** With more than its share a process leaves tickets to the others for so long. */
const overShareMs = 150;
/** After a fetch that came to nothing though it was time, doubling. */
const emptyMs = 50;
const longestEmptyMs = 1_000;
/** What is said of a moment longer ago is said by a clock that was set back since. */
const longestLateMs = 60_000;

export function createFetcher(parts: FetcherParts): Fetcher {
  const { clock, concurrency } = parts;
  const next = createWakeTime();
  const timer = oneTimer(clock, () => void fetchNow());
  let isOpen = false;
  let isFetching = false;
  let inFlight = 0;
  let processes = 1;
  let empty = 0;
  /** The answer to a fetch did not arrive. What it may have claimed lies until it is asked for: wake messages say that it is being worked on. */
  let hasLost = false;

  const share = () => Math.max(1, Math.ceil(concurrency / processes));

  /** @param courtesy how long others may be first */
  function plan(courtesy: number): void {
    const lookAtMs = hasLost ? -Infinity : next.atMs();
    if (!isOpen || isFetching || lookAtMs === null || inFlight >= concurrency) return timer.clear();
    const waitMs = Math.max(0, lookAtMs - parts.storeNowMs());
    const politeMs = courtesy + (inFlight >= share() ? overShareMs : 0);
    const restMs = empty === 0 ? 0 : Math.min(emptyMs * 2 ** (empty - 1), longestEmptyMs);
    timer.set(clock.monotonicMs() + Math.max(waitMs + politeMs, restMs));
  }

  async function fetchNow(): Promise<void> {
    isFetching = true;
    // Redis knows better how many processes share the room.
    const room = inFlight >= share() ? 1 : concurrency - inFlight;
    try {
      const claimed = await parts.fetch(room, inFlight);
      hasLost = false;
      empty = claimed.length > 0 ? 0 : empty + 1;
      for (const ticket of claimed) void work(ticket);
    } catch (error) {
      empty++;
      hasLost = true;
      parts.onFault(error);
    } finally {
      isFetching = false;
      plan(0);
    }
  }

  async function work(ticket: ClaimedTicket): Promise<void> {
    inFlight++;
    await parts.run(ticket);
    inFlight--;
    plan(0);
  }

  return {
    onSchedule(schedule) {
      if (schedule.listeners !== null) processes = Math.max(1, schedule.listeners);
      if (next.hear("reply", schedule)) empty = 0;
      plan(0);
    },
    onWake(wake) {
      if (!next.hear("message", wake)) return;
      empty = 0;
      plan(courtesyMs + perTicketMs * inFlight);
    },
    open() {
      isOpen = true;
      empty = 0;
      next.setNow();
      plan(0);
    },
    shut() {
      isOpen = false;
      timer.clear();
    },
  };
}

/** When there is something to fetch, by Redis' clock. */
interface WakeTime {
  /** `null`: nothing is to come. */
  atMs(): number | null;
  /** @returns is it another time than before? */
  hear(source: "reply" | "message", said: Heard): boolean;
  /** Whatever was said before. */
  setNow(): void;
}

/**
 * Replies come in order, and so do messages, but a reply and a message can overtake one another: of the same moment, whichever wakes earlier
 * is believed.
 */
function createWakeTime(): WakeTime {
  let wakeAtMs: number | null = null;
  /** Of what was said last. */
  let saidAtMs = -Infinity;
  let saidBy: "reply" | "message" = "reply";
  /** Of the last reply. */
  let repliedAtMs = -Infinity;

  /** Replies come in order, and no message is so late. */
  function wasSetBack(source: "reply" | "message", nowMs: number): boolean {
    return source === "reply" ? nowMs < repliedAtMs : nowMs < saidAtMs - longestLateMs;
  }

  return {
    atMs: () => wakeAtMs,
    hear(source, { nowMs, wakeAtMs: nextMs }) {
      if (nowMs < saidAtMs && !wasSetBack(source, nowMs)) return false;
      if (source === "reply") repliedAtMs = nowMs;
      const isTie = nowMs === saidAtMs && source !== saidBy;
      saidAtMs = nowMs;
      saidBy = source;
      const heardMs = isTie ? earlier(wakeAtMs, nextMs) : nextMs;
      if (heardMs === wakeAtMs) return false;
      wakeAtMs = heardMs;
      return true;
    },
    setNow() {
      wakeAtMs = 0;
    },
  };
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/** Rings once, at the moment that was set last. */
function oneTimer(clock: Clock, ring: () => void) {
  let timer: { readonly atMs: number; readonly cancel: () => void } | null = null;

  function clear(): void {
    timer?.cancel();
    timer = null;
  }

  return {
    clear,
    set(atMs: number): void {
      if (timer !== null && timer.atMs === atMs) return;
      clear();
      // The moment may be over by now, and Node warns of a time below 0, in words that are no line of the log.
      const cancel = clock.after(Math.max(0, atMs - clock.monotonicMs()), () => {
        timer = null;
        ring();
      });
      timer = { atMs, cancel };
    },
  };
}
