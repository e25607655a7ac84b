/**
 * A connection to a vendor, kept open between calls.
 *
 * An edge may forget a connection without a word, and says so only when the next request comes over it: it is reset at once. That is nobody's fault and
 * nothing was asked of the vendor, so the request goes once more, on a connection that is opened for it in the place of the dead one: never more of
 * them are open than there were. RFC 9112, 9.3.1: not idempotent or not, a request may be repeated where it is known that it was not taken up; a second is the
 * measure of that here.
 */
import { type buildConnector, Client, type Dispatcher } from "undici";
import { type Line, lineOver } from "./upstream-line.ts";

/** A connection that ends so soon after a request was written had not taken it up. */
const deadWithinMs = 1_000;

export class UpstreamConnection extends Client {
  #line: Line | null = null;

  constructor(origin: string, options: Client.Options, connect: buildConnector.connector) {
    super(origin, {
      ...options,
      connect: (to, done) => {
        connect(to, (...opened) => {
          // undici leaves the second out where there is an error.
          if (opened[0] === null) this.#line = lineOver(opened[1]);
          done(...opened);
        });
      },
    });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const lineNow = () => this.#line;
    const again = () => super.dispatch(options, new Attempt(handler, lineNow, null));
    return super.dispatch(options, new Attempt(handler, lineNow, again));
  }
}

/** Tells everything on to the handler, but for the death of a connection after which the request goes once more. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #lineNow: () => Line | null;
  readonly #again: (() => void) | null;
  /** The one that the request went over; `null` while it waits for one. */
  #line: Line | null = null;
  #startedAtMs = 0;

  constructor(handler: Dispatcher.DispatchHandler, lineNow: () => Line | null, again: (() => void) | null) {
    this.#handler = handler;
    this.#lineNow = lineNow;
    this.#again = again;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#line = this.#lineNow();
    this.#startedAtMs = performance.now();
    if (this.#line !== null) {
      this.#line.heard = false;
      this.#line.awaitsAnswer = true;
    }
    this.#handler.onRequestStart?.(controller, context);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2],
  ): void {
    this.#handler.onResponseStart?.(controller, status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(
    controller: Dispatcher.DispatchController,
    trailers: Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseEnd"]>>[1],
  ): void {
    if (this.#line !== null) this.#line.served++;
    this.#handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    const wasDead =
      this.#line !== null &&
      this.#line.served > 0 &&
      !this.#line.heard &&
      !controller.aborted &&
      performance.now() - this.#startedAtMs <= deadWithinMs;
    if (wasDead && this.#again !== null) this.#again();
    else this.#handler.onResponseError?.(controller, error);
  }
}
