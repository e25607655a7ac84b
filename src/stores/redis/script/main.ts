/**
 * The one script. Compiled to Lua (`npm run lua`; `entry.ts` begins it) and run by Redis whole, while nothing else runs there. `ARGV[0]` is the
 * call; texts that are only stored follow it. Redis' reply is a list of texts.
 */
import type { Call, Common, GateCall, GateCalls, TicketCall } from "./calls.ts";
import { answerDeliveries } from "./deliveries.ts";
import { openGate, type ScriptedGate } from "./gate.ts";
import { keyScripts } from "./keys.ts";
import { dueTickets, takeTickets } from "./claims.ts";
import { releaseBus, sentToBus, takeForBus } from "./outbox.ts";
import type { Run } from "./ticket-rows.ts";
import { changeTicket, createTicket, isOfThisClock, withdrawTicket } from "./tickets.ts";
import { timeMs } from "./time.ts";

/** What a run is given. */
interface Given extends Run {
  readonly texts: readonly string[];
  readonly ofGate: typeof ofGate;
}

/** @param ofGate answers what is asked of a gate alone */
export function answerCalls(ofGate: Given["ofGate"]): unknown {
  const root = KEYS[0] ?? "";
  const call = cjson.decode(ARGV[0] ?? "") as Call & Common;
  const nowMs = call.nowMs ?? timeMs();
  const run: Given = { root, nowMs, busMs: 0, texts: ARGV.slice(1), ofGate };
  switch (call.verb) {
    case "due":
      return dueTickets(run, call.limit, call.version);
    case "begin_key":
      makeSureOfRoom(root);
      return keyScripts(root, nowMs).begin(call);
    case "end_key":
      return [keyScripts(root, nowMs).end(call, run.texts[0] ?? "") ? "1" : "0"];
    case "at_gate":
      return atGate({ ...run, busMs: call.bus === true ? call.limits.retentionMs : 0 }, call);
    case "bus_take":
      return takeForBus(run, call);
    case "bus_sent":
      sentToBus(run, call.entries);
      return [];
    case "bus_release":
      releaseBus(run, call.relay);
      return [];
    case "take_deliveries":
    case "settle_delivery":
    case "tidy_deliveries":
    case "next_delivery":
    case "redeliver":
    case "endpoint_tested":
    case "endpoint_health":
    case "page_deliveries":
      return answerDeliveries(run, call);
  }
}

/** The schedule, then the answer to each call. */
function atGate(run: Given, batch: GateCalls): readonly unknown[] {
  if (batch.calls.some(({ verb }) => verb === "create")) makeSureOfRoom(run.root);
  const gate = openGate(run.root, batch, run.nowMs);
  const answers: unknown[] = [];
  let from = 0;
  for (const call of batch.calls) {
    answers.push(answerOrFailure(run, gate, call, run.texts.slice(from, from + call.texts)));
    from += call.texts;
  }
  return [cjson.encode(gate.finish()), ...answers];
}

/** One that fails, fails for itself: what came in the same moment has nothing to do with it. */
function answerOrFailure(
  run: Given,
  gate: ScriptedGate,
  call: GateCall | TicketCall,
  texts: readonly string[],
): unknown {
  try {
    switch (call.verb) {
      case "create":
      case "change":
      case "take":
      case "withdraw":
        return ofTickets(run, gate, call, texts);
      default:
        return [json(run.ofGate(gate, call))];
    }
  } catch (error) {
    return ["failed", typeof error === "string" ? error : ((error as { err?: string }).err ?? "")];
  }
}

function ofTickets(
  run: Run,
  gate: ScriptedGate,
  call: TicketCall,
  texts: readonly string[],
): readonly unknown[] {
  switch (call.verb) {
    case "create": {
      if (!isOfThisClock(run, call)) return ["again"];
      const created = createTicket(run, gate, call, texts);
      switch (created.kind) {
        case "full":
          return ["full"];
        case "there":
          return ["there", ...created.row];
        case "stored":
          return ["stored", json(created.estimate), created.fault];
      }
    }
    case "change": {
      const changed = changeTicket(run, gate, call, texts);
      return changed.kind === "there" ? ["there", ...changed.row] : ["stored", changed.fault];
    }
    case "take":
      return takeTickets(run, gate, call);
    case "withdraw":
      return [withdrawTicket(run, gate, call.ticketId) ? "1" : "0"];
  }
}

export function ofGate({ keeper, announceOrder }: ScriptedGate, call: GateCall): unknown {
  switch (call.verb) {
    case "enter":
      return keeper.enter(call.permit, call.whose);
    case "exchange":
      return keeper.exchange(call.reportId, call.callReports);
    case "outlook":
      return keeper.estimate(call.ticketId);
    case "overview":
      return keeper.status(call.tenant ?? undefined);
    case "order": {
      const status = keeper.order(call.order);
      announceOrder();
      return status;
    }
    case "started":
      return keeper.started(false);
  }
}

/** Where Redis' memory is full, a script ends at its first write of this kind: here, before anything is changed. */
function makeSureOfRoom(root: string): void {
  redis.call("SET", `${root}room`, 1);
}

/** An empty text stands for nothing. */
function json(value: unknown): string {
  return value === undefined || value === null ? "" : cjson.encode(value);
}
