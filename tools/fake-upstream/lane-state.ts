/** What the server keeps of a lane: the script that is left, and what was heard. */
import type { RecordedRequest, Route, Step, VendorName } from "./script.ts";

/** Older calls are forgotten, so that a long session with long essays fits into memory. */
const longestRecord = 1000;

interface Entry {
  readonly step: Step;
  left: number;
  /** Of a bucket: what was in it, and when. */
  tokens: number;
  filledAtMs: number;
}

export interface LaneState {
  readonly script: Entry[];
  readonly record: RecordedRequest[];
  /** All calls since the lane was cleared, the forgotten ones too. */
  readonly heard: Record<Route, number>;
  aborts: number;
  /** Called after each change. */
  readonly watchers: Set<() => void>;
}

export const newLane = (): LaneState => ({
  script: [],
  record: [],
  heard: { judgement: 0, endpoints: 0, models: 0, unknown: 0 },
  aborts: 0,
  watchers: new Set(),
});

export function append(lane: LaneState, steps: readonly Step[]): void {
  for (const step of steps) {
    const left = step.times === "forever" ? Infinity : (step.times ?? 1);
    // Full, whenever it was filled.
    lane.script.push({ step, left, tokens: Infinity, filledAtMs: 0 });
  }
}

export const stepsLeft = (lane: LaneState): Step[] =>
  lane.script.map(({ step, left }) => ({ ...step, times: left === Infinity ? "forever" : left }));

/** What of a call decides whether a step is meant for it. */
interface CallMarks {
  readonly vendor: VendorName;
  readonly route: Route;
  readonly model: string;
  readonly promptText: string;
}

/** Uses up one turn of the first step that is meant for such a call; `null`: none is. */
export function takeStep(lane: LaneState, call: CallMarks, nowMs: number): Step | null {
  const index = lane.script.findIndex(
    ({ step }) =>
      (step.on ?? "judgement") === call.route &&
      (step.vendor ?? call.vendor) === call.vendor &&
      (step.forModel ?? call.model) === call.model &&
      call.promptText.includes(step.forText ?? ""),
  );
  const entry = lane.script[index];
  if (entry === undefined) return null;
  entry.left--;
  if (entry.left === 0) lane.script.splice(index, 1);
  return entry.step.fault === "bucket" ? drawn(entry, entry.step, nowMs) : entry.step;
}

/** What a call gets that comes to a bucket now. */
function drawn(entry: Entry, step: Extract<Step, { fault: "bucket" }>, nowMs: number): Step {
  const { everyMs, burst = 1, fault: _, ...answer } = step;
  const tokens = Math.min(burst, entry.tokens + (nowMs - entry.filledAtMs) / everyMs);
  entry.filledAtMs = nowMs;
  if (tokens >= 1) {
    entry.tokens = tokens - 1;
    return answer;
  }
  entry.tokens = tokens;
  return { fault: "rateLimited", retryAfter: Math.ceil(((1 - tokens) * everyMs) / 1000) };
}

/** The number that the next call will have. */
export const nextNumber = (lane: LaneState): number => heardInAll(lane) + 1;

export const heardInAll = ({ heard }: LaneState): number =>
  heard.judgement + heard.endpoints + heard.models + heard.unknown;

/** @returns what `conclude` takes when the call is over */
export function remember(lane: LaneState, request: RecordedRequest): RecordedRequest {
  const remembered = { ...request };
  lane.heard[request.route]++;
  lane.record.push(remembered);
  if (lane.record.length > longestRecord) lane.record.shift();
  tell(lane);
  return remembered;
}

/** A call of before the lane was cleared changes nothing. */
export function conclude(lane: LaneState, request: RecordedRequest, end: Ending): void {
  Object.assign(request, end);
  if (!lane.record.includes(request)) return;
  if (end.aborted) lane.aborts++;
  tell(lane);
}

type Ending = Pick<RecordedRequest, "status" | "aborted" | "endedAtMs" | "endedFromMs">;

/** Forgets all. Who still waits is told. */
export function reset(lane: LaneState): void {
  lane.script.length = 0;
  lane.record.length = 0;
  lane.heard.judgement = lane.heard.endpoints = lane.heard.models = lane.heard.unknown = 0;
  lane.aborts = 0;
  tell(lane);
}

function tell(lane: LaneState): void {
  for (const watcher of lane.watchers) watcher();
}
