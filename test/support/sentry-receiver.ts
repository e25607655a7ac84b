/**
 * Sentry, as far as it receives. It is a lane of the fake upstream, which remembers whatever is sent to a vendor's address, also what no vendor
 * would take: so it can be reached from workerd too.
 */
import { fakeLane } from "../../tools/fake-upstream/client.ts";

export interface SentryReceiver {
  readonly dsn: string;
  /** Waits until so many envelopes came. All that came by then, as their texts. */
  readonly envelopes: (count: number) => Promise<string[]>;
}

export async function sentryReceiver(upstreamUrl: string, name: string): Promise<SentryReceiver> {
  const lane = fakeLane(upstreamUrl, name);
  await lane.clear();
  return {
    dsn: `${lane.baseUrls.anthropic.replace("://", "://public@")}/42`,
    envelopes: async (count) => (await lane.waitForRequest(count, "unknown")).map(({ bodyText }) => bodyText),
  };
}
