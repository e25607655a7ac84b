/** Deliberate bugs in who may call, who is next, and what the gate is told. */
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
    name: "the gate does not remember what was withdrawn",
    plant: () => ({
      ...realParts,
      memoryPlaces: () => ({ ...memoryPlaces(), wasWithdrawn: () => false }),
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

/** That errand is taken for told. */
function withoutErrand(kind: "confirm" | "park" | "release"): typeof realParts.errandOf {
  return (ticket) => {
    const errand = realParts.errandOf(ticket);
    return errand?.kind === kind ? null : errand;
  };
}
