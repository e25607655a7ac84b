/** What comes out of Cloudflare Queues: ids of tickets. Every message is acknowledged or brought back by itself. */
import { inTimeOrThrow } from "./stubs/ask-object.ts";
import { sideBySide } from "./side-by-side.ts";

/** The part of a platform's message that is used. */
export type TicketMessage = Pick<Message<unknown>, "body" | "attempts" | "ack" | "retry">;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const longestDelaySeconds = 60;

/**
 * Works on each message's ticket, side by side, so that a slow one holds up no other. What fails comes back later and later; the gate sends the
 * ticket again in any case.
 *
 * @param limitMs of one message
 * @param onFault is told of a message that is none of ours, and of work that failed
 */
export function consume(
  messages: readonly TicketMessage[],
  work: (ticketId: string) => Promise<unknown>,
  limitMs: number,
  onFault: (event: "message_unreadable" | "message_failed", error: unknown, ticketId?: string) => void,
): Promise<void> {
  return sideBySide(messages, async (message) => {
    const { body } = message;
    if (typeof body !== "string" || !uuid.test(body)) {
      onFault("message_unreadable", null);
      message.ack();
      return;
    }
    try {
      await inTimeOrThrow(limitMs, work(body));
      message.ack();
    } catch (error) {
      onFault("message_failed", error, body);
      message.retry({ delaySeconds: Math.min(2 ** Math.min(message.attempts, 10), longestDelaySeconds) });
    }
  });
}
