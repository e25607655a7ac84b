/** Whom webhooks go to, and how they are sent from here: what the Worker and each tenant's index know of it. */
import { receiversOf, type Receivers } from "../push/receivers.ts";
import { createWebhooks, type Webhooks } from "../push/webhooks.ts";
import type { Clock } from "../gateway/ports.ts";
import type { Tell } from "../telemetry/events.ts";
import { version } from "../version.ts";
import { settingsOf, type Environment } from "./environment.ts";
import { guardedFetch } from "./guarded-fetch.ts";
import { subtleHmac } from "./hmac.ts";
import { sha256 } from "./sha256.ts";
import { remoteDeliveries } from "./stubs/deliveries.ts";

export const post = guardedFetch();
export const signing = { hmac: subtleHmac, version };

const known = new WeakMap<Environment, Receivers>();

/** Looked up with the first question: an isolate can compute no hash before there is a request. */
export async function receiversIn(env: Environment): Promise<Receivers> {
  const found = known.get(env);
  if (found !== undefined) return found;
  const receivers = await receiversOf(settingsOf(env).config?.webhooks ?? nobody, sha256);
  known.set(env, receivers);
  return receivers;
}

export function workersWebhooks(
  env: Environment,
  parts: { readonly clock: Clock; readonly newId: () => string; readonly tell: Tell },
): Webhooks {
  let made: Webhooks | null = null;

  async function webhooks(): Promise<Webhooks> {
    const receivers = await receiversIn(env);
    // How often tests were made is known to one of them alone.
    made ??= createWebhooks({
      ...parts,
      receivers,
      deliveriesOf: (tenant) => remoteDeliveries(env, tenant),
      post,
      signing,
    });
    return made;
  }

  return {
    endpoints: async (tenant) => (await webhooks()).endpoints(tenant),
    test: async (...asked) => (await webhooks()).test(...asked),
    page: async (query) => (await webhooks()).page(query),
    redeliver: async (...asked) => (await webhooks()).redeliver(...asked),
    warnings: async () => (await webhooks()).warnings(),
  };
}

const nobody = { endpoints: [], prefixes: [], includeResult: false, allowPrivate: false, maxPending: 0 };
