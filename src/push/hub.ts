/** Who listens in this process to what happens in its stores. */
import type { Clock } from "../gateway/ports.ts";
import { createEar, type OpenEar } from "./ear.ts";
import { createLivePlaces, type Live, type LiveKind, type Topic } from "./live.ts";

/** What stores say, once it is stored. */
export interface Hints {
  /** Something has happened to the ticket. */
  ticketMoved(id: string): void;
  feedGrew(tenant: string): void;
  /** Hints may have been lost. */
  mayHaveMissed(): void;
}

export interface Hub extends Live, Hints {
  /** From now on nobody listens: the process ends, which all who do hear at once. */
  close(): void;
  isClosed(): boolean;
  count(): Readonly<Record<LiveKind, number>>;
}

export interface HubParts {
  readonly clock: Pick<Clock, "after">;
  readonly looksInSilence: boolean;
  /** Hears when the first begins to listen, and when the last has left. */
  readonly onListening?: (isListening: boolean) => void;
}

export function createHub({ clock, looksInSilence, onListening }: HubParts): Hub {
  const places = createLivePlaces();
  const ears = new Map<string, Set<OpenEar>>();
  let isClosed = false;

  function add(name: string, ear: OpenEar): void {
    if (ears.size === 0) onListening?.(true);
    const others = ears.get(name);
    if (others === undefined) ears.set(name, new Set([ear]));
    else others.add(ear);
  }

  function remove(name: string, ear: OpenEar): void {
    const others = ears.get(name);
    others?.delete(ear);
    if (others?.size === 0 && ears.delete(name) && ears.size === 0) onListening?.(false);
  }

  function tell(name: string): void {
    for (const ear of ears.get(name) ?? []) ear.hear("hint");
  }

  function tellAll(heard: "hint" | "stopping"): void {
    for (const all of ears.values()) for (const ear of all) ear.hear(heard);
  }

  return {
    looksInSilence,
    listen(topic, tenant, kind) {
      const leavePlace = isClosed ? null : places.enter(tenant, kind);
      if (leavePlace === null) return null;
      const name = nameOf(topic);
      // It may have moved since it was looked at.
      const ear = createEar(clock, "hint", () => {
        remove(name, ear);
        leavePlace();
      });
      add(name, ear);
      return ear;
    },
    ticketMoved: (id) => tell(ticketName(id)),
    feedGrew: (tenant) => tell(feedName(tenant)),
    mayHaveMissed: () => tellAll("hint"),
    close() {
      isClosed = true;
      tellAll("stopping");
    },
    isClosed: () => isClosed,
    count: places.count,
  };
}

function nameOf(topic: Topic): string {
  return topic.kind === "ticket" ? ticketName(topic.id) : feedName(topic.tenant);
}

const ticketName = (id: string) => `ticket ${id}`;
const feedName = (tenant: string) => `feed ${tenant}`;
