/** Deliberate bugs in who may call, who is next, and what the gate is told. */
import type { TenantLine } from "../../../src/domain/gate/fair-order.ts";
import { memoryPlaces } from "../../../src/engine/memory-places.ts";
import type { Bug } from "./bug.ts";
import { withGate, withKeeper } from "./bug.ts";
import { realParts } from "./seams.ts";

export const gateBugs: readonly Bug[] = [
  {
    name: "the gate is not told of a new ticket, nor later",
    plant: () => ({ ...realParts, noticeOf: withoutNotice("enqueue") }),
  },
  {
    name: "the gate is not told that a call is over",
    plant: () => ({ ...realParts, noticeOf: withoutNotice("requeue") }),
  },
  {
    name: "a place is not given back",
    plant: () => ({ ...realParts, noticeOf: withoutNotice("remove") }),
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
  withKeeper("a halt does not stop live calls", (keeper) => ({
    enter(permit, whose) {
      const entered = keeper.enter(permit, whose);
      const { admission } = entered;
      const isHalted = admission.kind === "wait" && admission.why === "paused";
      return isHalted ? { ...entered, admission: { kind: "call", epoch: 0, probe: null } } : entered;
    },
  })),
  withKeeper("a halt is over when the service starts", (keeper) => ({
    started(isAlone) {
      keeper.started(isAlone);
      keeper.order({ kind: "resume" });
    },
  })),
  withKeeper("a worker may always call", (keeper) => ({
    start(item, starter) {
      const start = keeper.start(item, starter);
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
    report: (callReport) =>
      report(
        callReport.finding.kind === "rate_limited"
          ? { ...callReport, finding: { kind: "fault" } }
          : callReport,
      ),
  })),
  withGate("a call that was not made is good news", ({ report }) => ({
    report: (callReport) =>
      report(callReport.durationMs === null ? { ...callReport, finding: { kind: "healthy" } } : callReport),
  })),
  withGate("faults are not reported", ({ report }) => ({
    report: (callReport) =>
      report(
        callReport.finding.kind === "fault" ? { ...callReport, finding: { kind: "nothing" } } : callReport,
      ),
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
function withTags(name: string, spoil: (tag: number, line: TenantLine, virtualTime: number) => number): Bug {
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

/** That notice is taken for told. */
function withoutNotice(kind: "enqueue" | "requeue" | "remove"): typeof realParts.noticeOf {
  return (ticket) => {
    const notice = realParts.noticeOf(ticket);
    return notice?.kind === kind ? null : notice;
  };
}
