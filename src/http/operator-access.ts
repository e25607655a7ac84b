/**
 * Which operator is asking? What operators see is of all tenants, so no tenant's key opens it. A key comes as `Bearer`, or by HTTP Basic with its
 * operator's name, since that is what a browser can send by itself. For the same reason whatever changes anything by Basic must show that no
 * other site's page has sent it.
 */
import type { HonoRequest } from "hono";
import { routePath } from "hono/route";
import type { Sha256 } from "../gateway/ports.ts";
import type { Config } from "../settings/config.ts";
import { equalInConstantTime } from "./auth.ts";
import type { Problem } from "./errors.ts";
import { isLocal } from "./local.ts";
import { notLocal } from "./problems.ts";
import { refuse, type Guard } from "./route-context.ts";
import type { RefusedLogins } from "./refused-logins.ts";

/** What an operator wants: to look, or to change something. */
export type OperatorNeed = "look" | "act";

interface Operator {
  readonly name: string;
  readonly mayAct: boolean;
}

/** Who asks where no keys are set at all. */
const loopbackOperator: Operator = { name: "local", mayAct: true };

export interface OperatorParts {
  readonly config: Pick<Config, "operators">;
  readonly sha256: Sha256;
  readonly refusedLogins: RefusedLogins;
}

/** Lets nobody past but operators. Stands at each route, so that it is the matched route that is guarded. */
export function operatorsOnly(parts: OperatorParts, need: OperatorNeed): Guard {
  return async (c, next) => {
    const found = await operatorOf(c.req, parts);
    // Who sends no key at all has not tried to log in: a browser asks so first.
    if (found === null && parts.config.operators.kind === "keys" && c.req.header("authorization")) {
      parts.refusedLogins(c.get("correlationId"), routePath(c, -1));
    }
    const problem = found === null ? unknownOperator(parts.config) : whyNot(found, c.req, need);
    if (problem !== null) return refuse(c, problem);
    c.set("operator", found?.name ?? null);
    c.set("mayAct", found?.mayAct ?? false);
    await next();
    return undefined;
  };
}

/** @returns `null`: none is known */
async function operatorOf(request: HonoRequest, { config, sha256 }: OperatorParts): Promise<Operator | null> {
  const { operators } = config;
  switch (operators.kind) {
    case "nobody":
      return null;
    case "loopback":
      return isLocal(request) ? loopbackOperator : null;
    case "keys": {
      const given = credentialsIn(request.header("authorization") ?? "");
      if (given === null) return null;
      const hash = await sha256(given.key);
      let operator: Operator | null = null;
      // Every hash is compared to its end, so that the time taken says nothing about which was how near.
      for (const known of operators.keys) {
        const isTheirs = equalInConstantTime(known.sha256, hash);
        if (isTheirs && (given.name === null || given.name === known.name)) operator = known;
      }
      return operator;
    }
  }
}

/** `name`: as Basic says it; `null`: Bearer names nobody. */
function credentialsIn(header: string): { readonly name: string | null; readonly key: string } | null {
  const [, scheme = "", value = ""] = /^(bearer|basic) +(\S+) *$/i.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return { name: null, key: value };
    case "basic": {
      const pair = decoded(value);
      const colonAt = pair.indexOf(":");
      return colonAt < 1 ? null : { name: pair.slice(0, colonAt), key: pair.slice(colonAt + 1) };
    }
    default:
      return null;
  }
}

/** Names and keys are ASCII. @returns `""`: it is no base64 */
function decoded(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return "";
  }
}

function whyNot(operator: Operator, request: HonoRequest, need: OperatorNeed): Problem | null {
  switch (need) {
    case "look":
      return null;
    case "act":
      if (!operator.mayAct) return mayOnlyLook;
      return isByBasic(request) && !isOfOwnPage(request) ? notOfOwnPage : null;
  }
}

function isByBasic(request: HonoRequest): boolean {
  return /^basic /i.test(request.header("authorization") ?? "");
}

/** Sent by a page of this very address. */
function isOfOwnPage(request: HonoRequest): boolean {
  if (request.header("sec-fetch-site")?.toLowerCase() === "same-origin") return true;
  const origin = URL.parse(request.header("origin") ?? "");
  return origin !== null && origin.host === request.header("host")?.toLowerCase();
}

function unknownOperator({ operators }: OperatorParts["config"]): Problem {
  switch (operators.kind) {
    case "keys":
      return notAnOperator;
    case "loopback":
      return notLocal;
    case "nobody":
      return noOperators;
  }
}

const notAnOperator: Problem = {
  status: 401,
  type: "AUTHENTICATION_ERROR",
  sentence: "An operator's key is needed (OPERATOR_KEYS), as Authorization: Bearer KEY or by HTTP Basic.",
  headers: { "www-authenticate": "Bearer" },
};

const noOperators: Problem = {
  ...notAnOperator,
  sentence: "OPERATOR_KEYS is not set here, so nobody may ask for this.",
};

const mayOnlyLook: Problem = {
  status: 403,
  type: "AUTHENTICATION_ERROR",
  sentence: "This operator's key may only look (!read): whatever changes anything needs another.",
};

const notOfOwnPage: Problem = {
  ...notAnOperator,
  sentence: "A change by HTTP Basic must come from this service's own page (Origin, Sec-Fetch-Site).",
};
