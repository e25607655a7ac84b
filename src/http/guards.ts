/** What stands before the handlers: who asks must be known, and a body that nobody reads must be no trap. */
import type { Sha256 } from "../gateway/ports.ts";
import type { Config } from "../settings/config.ts";
import { authenticate } from "./auth.ts";
import { readNothing } from "./body.ts";
import type { Platform } from "./platform.ts";
import { notLoopback, unknownKey } from "./problems.ts";
import { refuse, type Guard } from "./route-context.ts";

interface GuardParts {
  readonly config: Config;
  readonly platform: Platform;
  readonly sha256: Sha256;
}

/** Lets nobody past who is not known. Stands at each route, so that it is the matched route that is guarded. */
export function knownOnly({ config, platform, sha256 }: GuardParts): Guard {
  const { access } = config;
  return async (c, next) => {
    const header = c.req.header("authorization");
    const tenant = await authenticate(header, access, () => platform.isLoopback(c), sha256);
    if (tenant === null) return refuse(c, access.kind === "keys" ? unknownKey : notLoopback);
    c.set("tenant", tenant);
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
