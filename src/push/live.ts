/**
 * To listen: to wait in this process for something to happen elsewhere. What is heard is a hint and says nothing: who hears it looks at the store,
 * which tells only what is stored. So nothing is lost where a hint is, as long as somebody looks again.
 */

/** What is listened to. */
export type Topic =
  /** @property event the latest one that is known */
  | { readonly kind: "ticket"; readonly id: string; readonly event: number }
  /** A tenant's feed, which grows by its tickets' ends. */
  | { readonly kind: "feed"; readonly tenant: string };

/** How it is listened: by who waits for one answer, by a stream of events, by a WebSocket. */
export type LiveKind = "wait" | "stream" | "socket";

export type Heard =
  /** Something may have happened since it was last asked. */
  | "hint"
  /** Nothing for as long as was asked. */
  | "silence"
  /** The one who listened has left. */
  | "left"
  /** This process ends. */
  | "stopping";

export interface Ear {
  /** The next that is heard, at most so much later. A hint that has come meanwhile counts. For one caller at a time. */
  next(withinMs: number): Promise<Heard>;
  /** Gives its place back. A second time it changes nothing. */
  leave(): void;
}

export interface Live {
  /** @returns `null`: there is no room for one more, or for one more of this tenant; or the process ends */
  listen(topic: Topic, tenant: string, kind: LiveKind): Ear | null | Promise<Ear | null>;
  /** Hints may be lost on their way: who hears nothing for a while looks all the same. */
  readonly looksInSilence: boolean;
}

/** Who listens in one process or isolate, at most. */
const mostEars = 1_000;
/** And of one tenant. */
const mostOfTenant = mostEars / 5;

/** Who listens now. It is bounded: each holds memory, and a connection. */
export interface LivePlaces {
  /** @returns gives the place back, once; `null`: there is none */
  enter(tenant: string, kind: LiveKind): (() => void) | null;
  /** How many listen, of each kind. */
  count(): Readonly<Record<LiveKind, number>>;
}

export function createLivePlaces(): LivePlaces {
  const byKind: Record<LiveKind, number> = { wait: 0, stream: 0, socket: 0 };
  const byTenant = new Map<string, number>();
  let all = 0;

  function add(tenant: string, kind: LiveKind, one: 1 | -1): void {
    all += one;
    byKind[kind] += one;
    const held = (byTenant.get(tenant) ?? 0) + one;
    if (held === 0) byTenant.delete(tenant);
    else byTenant.set(tenant, held);
  }

  return {
    enter(tenant, kind) {
      if (all >= mostEars || (byTenant.get(tenant) ?? 0) >= mostOfTenant) return null;
      add(tenant, kind, 1);
      let isIn = true;
      return () => {
        if (isIn) add(tenant, kind, -1);
        isIn = false;
      };
    },
    count: () => byKind,
  };
}
