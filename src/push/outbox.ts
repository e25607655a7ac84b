/** What is still to be sent to the bus, stored with what it is about. */
import type { BusEvent } from "./bus.ts";

export interface Outbox {
  /**
   * The oldest, in their order. What is older than tickets are kept for goes, unsent.
   *
   * @returns `null`: another process is sending
   * @throws {StoreAway}
   */
  take(most: number): Promise<Taken | null>;
  /** These have been sent, and go. @throws {StoreAway} they may be sent once more */
  sent(entries: readonly OutboxEntry[]): Promise<void>;
  /** Whoever wants to may send from here on. Never rejects. */
  release(): Promise<void>;
}

export interface Taken {
  readonly entries: readonly OutboxEntry[];
  /** Those among them, and those behind them: as many, or a few less. */
  readonly waiting: number;
  /** How many have gone unsent since it was asked last. */
  readonly dropped: number;
}

export interface OutboxEntry {
  /** What names it in the outbox. */
  readonly key: string;
  readonly event: BusEvent;
}
