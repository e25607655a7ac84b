/** What stands before the handlers: who asks must be known, and a body that nobody reads must be no trap. */
import type { Sha256 } from "../gateway/ports.ts";
import type { Config } from "../settings/config.ts";
import type { Tracer } from "../telemetry/tracing/tracer.ts";
import { authenticate } from "./auth.ts";
import { readNothing } from "./body.ts";
import { isLocal } from "./local.ts";
import type { Platform } from "./platform.ts";
import { notLocal, unknownKey } from "./problems.ts";
import { refuse, type Guard } from "./route-context.ts";

interface GuardParts {
  readonly config: Config;
  readonly platform: Platform;
  readonly sha256: Sha256;
  readonly tracer?: Tracer | undefined;
}

/** Lets nobody past who is not known. Stands at each route, so that it is the matched route that is guarded. */
export function knownOnly({
  config,
  sha256,
  tracer,
}: Pick<GuardParts, "config" | "sha256" | "tracer">): Guard {
  const { access } = config;
  return async (c, next) => {
    const header = c.req.header("authorization");
    const tenant = await authenticate(header, access, () => isLocal(c.req), sha256);
    if (tenant === null) return refuse(c, access.kind === "keys" ? unknownKey : notLocal);
    c.set("tenant", tenant);
    const span = c.get("span");
    if (span !== null) c.set("span", tracer?.spans?.admitted(span) ?? null);
    await next();
    return undefined;
  };
}

/** Stands at every POST that reads nothing of its body. */
export function withoutBody({ config, platform }: Pick<GuardParts, "config" | "platform">): Guard {
  return async (c, next) => {
    const problem = await readNothing(c, platform, config.maxBodyBytes);
    if (problem) return refuse(c, problem);
    await next();
    return undefined;
  };
}
