/** The tickets that this process takes out of Redis to work on, provider by provider. */
import { providerNames, type ProviderName } from "../../domain/judging/comparison.ts";
import type { ClaimedTicket, Clock } from "../../gateway/ports.ts";
import { createFetcher, type Fetcher } from "../../stores/redis/fetcher.ts";
import type { redisTickets } from "../../stores/redis/tickets.ts";

export interface FetchingParts {
  readonly tickets: Pick<ReturnType<typeof redisTickets>, "fetch" | "giveBack">;
  readonly clock: Clock;
  /** By the clock of Redis, as far as it is known. */
  readonly storeNowMs: () => number;
  /** Of one provider's calls for tickets, over all processes. */
  readonly concurrency: number;
  /** A claim that ends sooner is given back unworked. */
  readonly shortestLeaseMs: number;
  /** Called each time before tickets are taken (again). */
  readonly onOpen: () => void;
  readonly onFault: (error: unknown, ticketId?: string) => void;
}

type Run = (claimed: ClaimedTicket) => Promise<void>;

export interface Fetching {
  fetcherOf(provider: ProviderName): Fetcher | undefined;
  /** From now on tickets are taken and run. */
  start(run: Run): void;
  /** Takes tickets (again), if it was started. */
  open(): void;
  /** Something may have been missed: looks again, where it is open. */
  refresh(): void;
  shut(): void;
  /** When no ticket is being taken or worked on any more. */
  idle(): Promise<void>;
}

export function createFetching(parts: FetchingParts): Fetching {
  const { tickets, clock, storeNowMs, concurrency, onFault } = parts;
  /** The latest take of each, which may bring tickets after nobody takes any more. */
  const fetching = new Map<ProviderName, Promise<unknown>>();
  const working = new Map<string, Promise<void>>();
  let run: Run | null = null;
  let isOpen = false;
  const fetchers = new Map(providerNames.map((provider) => [provider, fetcherFor(provider)]));

  function fetcherFor(provider: ProviderName): Fetcher {
    return createFetcher({
      clock,
      storeNowMs,
      concurrency,
      fetch(most, inFlight) {
        const fetched = tickets.fetch(provider, most, inFlight);
        fetching.set(
          provider,
          fetched.catch(() => []),
        );
        return fetched;
      },
      run(claimed) {
        const worker = runOne(parts, claimed, run).finally(() => working.delete(claimed.permit));
        working.set(claimed.permit, worker);
        return worker;
      },
      onFault,
    });
  }

  function open(): void {
    isOpen = run !== null;
    if (!isOpen) return;
    parts.onOpen();
    for (const fetcher of fetchers.values()) fetcher.open();
  }

  return {
    fetcherOf: (provider) => fetchers.get(provider),
    start(worker) {
      run = worker;
      open();
    },
    open,
    refresh() {
      if (isOpen) open();
    },
    shut() {
      isOpen = false;
      for (const fetcher of fetchers.values()) fetcher.shut();
    },
    async idle() {
      await Promise.all(fetching.values());
      while (working.size > 0) await Promise.all(working.values());
    },
  };
}

async function runOne(
  { tickets, shortestLeaseMs, onFault }: FetchingParts,
  claimed: ClaimedTicket,
  run: Run | null,
): Promise<void> {
  try {
    // Redis' answer was long under way: whoever is next has the whole lease.
    if (claimed.leaseLeftMs < shortestLeaseMs) await tickets.giveBack(claimed.ticket.about.id, claimed.fence);
    else await run?.(claimed);
  } catch (error) {
    onFault(error, claimed.ticket.about.id);
  }
}
