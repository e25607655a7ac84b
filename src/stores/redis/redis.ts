/** What the stores over Redis need of it, whatever brings the bytes there. */
export interface Redis {
  /**
   * Runs the script (`script/main.ts`) in one round trip.
   *
   * @param needsRoom it adds something, so it is refused where Redis' memory is full; others must go on, for they make room
   * @throws {StoreAway} no answer in time, or none that can be used: the outcome is unknown
   */
  run(call: string, texts: readonly string[], needsRoom: boolean): Promise<readonly unknown[]>;
  /** One command, in one round trip. @throws {StoreAway} likewise */
  command(...command: readonly string[]): Promise<unknown>;
}

/** What all our keys begin with. */
export const root = "llm-provider-service:";

/** Processes are told here when tickets can be taken, and whose call is no longer wanted. */
export const wakeChannel = `${root}gate:wake`;

/** Processes are told here which tickets something has happened to, where somebody waits for that. */
export const movesChannel = `${root}ticket:moves`;

/** @param message the ticket's id and the number of the event; where it has ended, its tenant too. As the script writes it */
export function readMove(message: string): { readonly ticketId: string; readonly endedOf: string | null } {
  const [ticketId = "", , ...tenant] = message.split(" ");
  return { ticketId, endedOf: tenant.length === 0 ? null : tenant.join(" ") };
}

/** What is said on the channel. A message that was lost costs time alone. */
type Said =
  | {
      readonly kind: "wake";
      readonly provider: string;
      /** When it was said. */
      readonly nowMs: number;
      /** Of the next look; `null`: none is to come. */
      readonly wakeAtMs: number | null;
    }
  | { readonly kind: "cancelled"; readonly ticketId: string }
  /** An operator has ordered something of its gate. */
  | { readonly kind: "ordered"; readonly provider: string }
  /** Something waits for the bus, and nothing did before. */
  | { readonly kind: "bus" };

/** Each stands where a wake message has its provider: older code knows none of that name, and passes it over. */
const cancelled = "cancelled";
const ordered = "ordered";
const bus = "bus";

export function cancelledMessage(ticketId: string): string {
  return `${cancelled} ${ticketId}`;
}

/** @param message as above; or provider, the moment of the message, and that of the next look, or nothing */
export function readMessage(message: string): Said {
  const [first = "", second = "", third = ""] = message.split(" ");
  if (first === cancelled) return { kind: "cancelled", ticketId: second };
  if (first === ordered) return { kind: "ordered", provider: second };
  if (first === bus) return { kind: "bus" };
  const wakeAtMs = third === "" ? null : Number(third);
  return { kind: "wake", provider: first, nowMs: Number(second), wakeAtMs };
}
