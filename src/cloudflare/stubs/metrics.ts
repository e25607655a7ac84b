/**
 * What this isolate counts, sent behind the answers to the one object that sums it (`objects/metrics-object.ts`): what was counted in five seconds goes
 * in one request. Where that is not answered it is sent again, under the same number, with what was counted since behind it.
 */
import { gatherMs } from "../../accounts/totals.ts";
import { wait } from "../../gateway/deadline.ts";
import { createModelLabel } from "../../providers/model-label.ts";
import { configuredModels } from "../../providers/providers.ts";
import type { TelemetryEvent } from "../../telemetry/events.ts";
import { createMeter } from "../../telemetry/metrics/meter.ts";
import { takeDifferences, type Difference } from "../../telemetry/metrics/sums.ts";
import { failedAttemptOf, type FailedAttempt, type Recent } from "../../telemetry/recent.ts";
import { timers } from "../clock.ts";
import { configOf, type Environment } from "../environment.ts";
import type { MetricsObject } from "../objects/metrics-object.ts";
import { askObject, type Remote } from "./ask-object.ts";

export interface PushedMetrics {
  /** @param later lets work that follows an answer finish, within 30 s; `null`: the event ends with a flush */
  count(event: TelemetryEvent, later: ((work: Promise<unknown>) => void) | null): void;
  /** Sends what was counted, now. Never throws. */
  flush(): Promise<void>;
  /** Likewise at the end of an event that no timer may outlive, unless a request's timer is about to send it. */
  flushUnlessDue(): Promise<void>;
  /** What all isolates have counted. @throws {StoreAway} */
  read(): Promise<readonly Difference[]>;
  /** What has happened lately in all isolates. @throws {StoreAway} */
  recent(): Promise<Recent>;
}

/** One for all of an isolate: its requests, and the objects that live in it. */
const known = new WeakMap<Environment, PushedMetrics>();

/** @throws {Error} some setting is wrong */
export function metricsOf(env: Environment): PushedMetrics {
  const found = known.get(env);
  if (found !== undefined) return found;
  const made = pushedMetrics(env);
  known.set(env, made);
  return made;
}

/** Pushes that were not answered, at most; what is counted then is added to the last of them. */
const mostUnanswered = 2;
/** Failed calls that one push tells of, the latest: they are for a page, and all of them are counted. */
const mostFailures = 20;

interface Push {
  readonly number: number;
  readonly differences: readonly Difference[];
  readonly failures: readonly FailedAttempt[];
}

function pushedMetrics(env: Environment): PushedMetrics {
  const meter = createMeter(createModelLabel(configuredModels(configOf(env))));
  const ask = <Reply>(verb: (metrics: Remote<MetricsObject>) => Promise<Reply>) =>
    askObject<MetricsObject, Reply>(env.METRICS_OBJECTS, "all", verb);
  /** Of this isolate. Made where there is a request: no isolate may ask for chance before. */
  let isolate: string | null = null;
  let number = 0;
  let unanswered: readonly Push[] = [];
  let failures: readonly FailedAttempt[] = [];
  let dueSinceMs: number | null = null;

  function take(): readonly Push[] {
    if (unanswered.length < mostUnanswered) {
      const differences = takeDifferences(meter.sums);
      if (differences.length > 0) {
        unanswered = [...unanswered, { number: ++number, differences, failures }];
        failures = [];
      }
    }
    return unanswered;
  }

  async function flush(): Promise<void> {
    dueSinceMs = null;
    const name = (isolate ??= crypto.randomUUID());
    for (const push of take()) {
      try {
        await ask((metrics) => metrics.add(name, push.number, push.differences, push.failures));
      } catch {
        // It may have been counted: it is sent again as it is.
        return;
      }
      unanswered = unanswered.filter((other) => other !== push);
    }
  }

  /** A flush that is overdue by so much died with the request that had set it off. */
  const isDue = () => dueSinceMs !== null && Math.abs(performance.now() - dueSinceMs) < 2 * gatherMs;

  return {
    count(event, later) {
      meter.count(event);
      const failed = failedAttemptOf(event, Date.now());
      if (failed !== null) failures = [...failures, failed].slice(-mostFailures);
      if (later === null || !isWorthARequest(event) || isDue()) return;
      dueSinceMs = performance.now();
      later(wait(timers, gatherMs).then(flush));
    },
    flush,
    async flushUnlessDue() {
      if (!isDue()) await flush();
    },
    async read() {
      await flush();
      return ask((metrics) => metrics.read());
    },
    async recent() {
      await flush();
      return ask((metrics) => metrics.recent());
    },
  };
}

/** What is asked by who watches goes along with the next: it would be a request for each. */
function isWorthARequest(event: TelemetryEvent): boolean {
  switch (event.kind) {
    case "request":
      return event.comparison !== null;
    case "ticket_ended":
      return true;
    default:
      return false;
  }
}
