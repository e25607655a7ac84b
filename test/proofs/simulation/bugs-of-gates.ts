/** Deliberate bugs in who may call, who is next, and what the gate is told. */
import type { Line } from "../../../src/domain/gate/fair-order.ts";
import { memoryPlaces } from "../../../src/engine/memory-places.ts";
import type { Bug } from "./bug.ts";
import { withGate, withKeeper } from "./bug.ts";
import { realParts } from "./seams.ts";

export const gateBugs: readonly Bug[] = [
  {
    name: "the gate is not told of a new ticket, nor later",
    plant: () => ({ ...realParts, errandOf: withoutErrand("confirm") }),
  },
  {
    name: "the gate is not told that a call is over",
    plant: () => ({ ...realParts, errandOf: withoutErrand("park") }),
  },
  {
    name: "a place is not given back",
    plant: () => ({ ...realParts, errandOf: withoutErrand("release") }),
  },
  {
    name: "dispatch forgets crash suspects",
    plant: () => ({
      ...realParts,
      memoryPlaces() {
        const places = memoryPlaces();
        return { ...places, ready: (query) => (query.suspect ? [] : places.ready(query)) };
      },
    }),
  },
  {
    name: "a ticket that was sent and lost is not sent again",
    plant: () => ({
      ...realParts,
      memoryPlaces() {
        const places = memoryPlaces();
        return {
          ...places,
          lapsed: (nowMs, limit) =>
            places.lapsed(nowMs, limit).filter(({ standing }) => standing.state !== "dispatched"),
        };
      },
    }),
  },
  {
    name: "tickets go in the order of their age alone",
    plant: () => ({
      ...realParts,
      memoryPlaces() {
        const places = memoryPlaces();
        return {
          ...places,
          ready: (query) =>
            places
              .ready({ ...query, limit: 1_000 })
              .toSorted((a, b) => a.acceptedAtMs - b.acceptedAtMs)
              .slice(0, query.limit),
        };
      },
    }),
  },
  withTags("what a ticket costs is not charged to its line", (_tag, { startTag }) => startTag),
  withTags("a line that comes back begins where it was", (tag, { startTag }, virtualTime) => {
    return startTag + tag - Math.max(startTag, virtualTime);
  }),
  {
    name: "virtual time stands still",
    plant: () => ({ ...realParts, memoryPlaces: () => ({ ...memoryPlaces(), virtualTime: () => 0 }) }),
  },
  withKeeper("the gate's alarm is never set", (keeper) => ({
    look: (most) => ({ ...keeper.look(most), wakeAtMs: null }),
  })),
  withKeeper("a worker may always call", (keeper) => ({
    start(seat, starter) {
      const start = keeper.start(seat, starter);
      return start.kind === "call"
        ? start
        : { kind: "call", epoch: 0, asProbe: false, leaseEndsAtMs: Infinity };
    },
  })),
  withKeeper("anybody may probe", (keeper) => ({
    enter(...given) {
      const entered = keeper.enter(...given);
      const { admission, snapshot } = entered;
      const isProbe = snapshot.state === "half_open" && admission.kind === "wait";
      return isProbe
        ? { snapshot, admission: { kind: "call", epoch: snapshot.epoch, probe: null } }
        : entered;
    },
  })),
  {
    name: "the low watermark is not waited for",
    plant: () => ({
      ...realParts,
      createGateKeeper: (parts) =>
        realParts.createGateKeeper({
          ...parts,
          limits: { ...parts.limits, lowWatermark: parts.limits.highWatermark },
        }),
    }),
  },
  {
    name: "a hold of a place never lapses",
    plant: () => ({
      ...realParts,
      memoryPlaces() {
        const places = memoryPlaces();
        return {
          ...places,
          lapsed: (nowMs, limit) =>
            places.lapsed(nowMs, limit).filter(({ standing }) => standing.state !== "held"),
        };
      },
    }),
  },
  withGate("a 429 counts as the provider's fault", ({ report }) => ({
    report: (outcome) =>
      report(outcome.finding.kind === "rate_limited" ? { ...outcome, finding: { kind: "fault" } } : outcome),
  })),
  withGate("a call that was not made is good news", ({ report }) => ({
    report: (outcome) =>
      report(outcome.durationMs === null ? { ...outcome, finding: { kind: "healthy" } } : outcome),
  })),
  withGate("faults are not reported", ({ report }) => ({
    report: (outcome) =>
      report(outcome.finding.kind === "fault" ? { ...outcome, finding: { kind: "nothing" } } : outcome),
  })),
  {
    name: "a snapshot is used for as long as it is there",
    plant: () => ({
      ...realParts,
      createGateFront: (parts) =>
        realParts.createGateFront({
          ...parts,
          remote: {
            ...parts.remote,
            exchange: async (...given) => ({ ...(await parts.remote.exchange(...given)), usableForMs: 1e12 }),
          },
        }),
    }),
  },
];

/** @param spoil the tag to which a line moves on, with the line and virtual time as they were */
function withTags(name: string, spoil: (tag: number, line: Line, virtualTime: number) => number): Bug {
  return {
    name,
    plant: () => ({
      ...realParts,
      memoryPlaces() {
        const places = memoryPlaces();
        return {
          ...places,
          putTag(tenant, tag, sinceMs, virtualTime) {
            const [line] = places.lines([tenant]);
            const spoilt = line ? spoil(tag, line, places.virtualTime()) : tag;
            places.putTag(tenant, spoilt, sinceMs, virtualTime);
          },
        };
      },
    }),
  };
}

/** That errand is taken for told. */
function withoutErrand(kind: "confirm" | "park" | "release"): typeof realParts.errandOf {
  return (ticket) => {
    const errand = realParts.errandOf(ticket);
    return errand?.kind === kind ? null : errand;
  };
}
