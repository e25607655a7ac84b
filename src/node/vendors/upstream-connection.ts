/**
 * A connection to a vendor, kept open between calls.
 *
 * An edge may forget a connection without a word, and says so only when the next request comes over it: by a reset, at once. That is nobody's fault. The request
 * goes once more, over a connection that is opened for it in the place of the dead one, so that never more are open than may be. RFC 9110, 9.2.2, lets a client
 * repeat even a POST that it knows was not taken up: a used connection that dies within a second and without a byte is the sign of that.
 */
import { type buildConnector, Client, type Dispatcher } from "undici";
import { type Line, lineOver } from "./upstream-line.ts";

/** A connection that ends so soon after a request was written had not taken it up. */
const deadWithinMs = 1_000;

export class UpstreamConnection extends Client {
  /** The one that is open now, or was last. */
  line: Line | null = null;

  constructor(origin: string, options: Client.Options, connect: buildConnector.connector) {
    super(origin, {
      ...options,
      connect: (to, done) => {
        connect(to, (...opened) => {
          // undici leaves the second out where there is an error.
          if (opened[0] === null) this.line = lineOver(opened[1]);
          done(...opened);
        });
      },
    });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return super.dispatch(options, new Attempt(this, options, handler));
  }

  dispatchAgain(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    super.dispatch(options, new Attempt(this, null, handler));
  }
}

/** Tells everything on to the handler, but for the death of a connection after which the request goes once more. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #connection: UpstreamConnection;
  /** `null`: this is once more already. */
  readonly #options: Dispatcher.DispatchOptions | null;
  readonly #handler: Dispatcher.DispatchHandler;
  /** The one that the request went over; `null` while it waits for one. */
  #line: Line | null = null;
  #startedAtMs = 0;

  constructor(
    connection: UpstreamConnection,
    options: Dispatcher.DispatchOptions | null,
    handler: Dispatcher.DispatchHandler,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#handler = handler;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#line = this.#connection.line;
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
    if (wasDead && this.#options !== null) this.#connection.dispatchAgain(this.#options, this.#handler);
    else this.#handler.onResponseError?.(controller, error);
  }
}
