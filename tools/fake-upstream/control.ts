/** The lane's own routes: `__script` and `__requests`. */
import type { ServerResponse } from "node:http";
import { z } from "zod";
import { parseJson } from "./json.ts";
import { append, heardInAll, type LaneState, reset, stepsLeft } from "./lane-state.ts";
import { parseScript, type Route } from "./script.ts";

/** How long a request for what has not happened yet is held. */
const patienceMs = 5000;

/** Serves a control route. @param resource `null`: the lane itself */
export function control(
  lane: LaneState,
  method: string,
  resource: string | null,
  query: URLSearchParams,
  bodyText: string,
  response: ServerResponse,
): void {
  switch (`${method} ${resource ?? ""}`) {
    case "POST __script":
      addSteps(lane, bodyText, response);
      return;
    case "PUT __script":
      addSteps(lane, bodyText, response, "instead");
      return;
    case "GET __script":
      sendJson(response, 200, stepsLeft(lane));
      return;
    case "DELETE __script":
      lane.script.length = 0;
      sendJson(response, 200, []);
      return;
    case "GET __requests":
      sendRecord(lane, query, response);
      return;
    case "DELETE ":
      reset(lane);
      sendJson(response, 200, {});
      return;
    default:
      sendJson(response, 404, { error: `No such route: ${method} ${resource ?? "/"}` });
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
}

/** @param how `instead`: of all that the script has, so that no call meets an empty one in between */
function addSteps(lane: LaneState, bodyText: string, response: ServerResponse, how?: "instead"): void {
  try {
    const steps = parseScript(parseJson(bodyText));
    if (how === "instead") lane.script.length = 0;
    append(lane, steps);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    sendJson(response, 400, { error: z.prettifyError(error) });
    return;
  }
  sendJson(response, 200, stepsLeft(lane));
}

/** With `atLeast` (of a `route`) or `aborts` not before there are so many; 408 where they don't come. */
function sendRecord(lane: LaneState, query: URLSearchParams, response: ServerResponse): void {
  const route = query.get("route") as Route | null;
  const atLeast = Number(query.get("atLeast"));
  const aborts = Number(query.get("aborts"));
  const heard = () => (route === null ? heardInAll(lane) : (lane.heard[route] ?? 0));

  const answerIfReached = () => {
    if (heard() < atLeast || lane.aborts < aborts) return false;
    stopWaiting();
    sendJson(
      response,
      200,
      lane.record.filter((request) => route === null || request.route === route),
    );
    return true;
  };
  const giveUp = () => {
    stopWaiting();
    sendJson(response, 408, {
      error: `Waited ${patienceMs} ms for ${atLeast} requests and ${aborts} aborts: ${heard()} and ${lane.aborts}.`,
    });
  };
  const timer = setTimeout(giveUp, patienceMs);
  function stopWaiting() {
    clearTimeout(timer);
    lane.watchers.delete(answerIfReached);
  }

  if (answerIfReached()) return;
  lane.watchers.add(answerIfReached);
  response.once("close", stopWaiting);
}
