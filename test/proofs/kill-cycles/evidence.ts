/** What a run leaves for its judge. All times are epoch milliseconds of one machine's clock. */
import type { TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import type { CpuSpan } from "./starvation.ts";

export interface Evidence {
  /** Every 202 that a client has seen, as its ledger has it. */
  readonly ledger: readonly Kept[];
  /** Every other answer to a comparison. */
  readonly answers: readonly Answered[];
  /** Comparisons that were sent and got no answer. */
  readonly broken: readonly Broken[];
  /** Keys under which nobody ever got an answer, though the service was up and the client asked again. */
  readonly unansweredKeys: readonly string[];
  /** Looks at tickets during the run. */
  readonly looks: readonly Look[];
  /** Each ticket of the ledger after the drain. */
  readonly ends: readonly End[];
  /** Of every ticket in the data files after the drain, also of those that no client knows of. */
  /** Of two tickets kept for one comparison those that nobody knows of. Absent: none are told apart. */
  readonly twins?: readonly History[];
  readonly histories: readonly History[];
  readonly calls: readonly Call[];
  readonly kills: readonly Kill[];
  /** What CPU the service was given; none: it can't be known here. */
  readonly cpu: readonly CpuSpan[];
  readonly remains: Remains;
  /** What others were told of the ends of tickets. Absent: nobody was, nor was the feed read. */
  readonly told?: Told;
}

export interface Told {
  /** `null`: there was no receiver. */
  readonly receipts: readonly Receipt[] | null;
  /** Read to its end when all was over. */
  readonly feed: readonly FedEvent[];
}

/** A webhook, as its receiver has read it. */
export interface Receipt {
  readonly atMs: number;
  readonly eventId: string;
  /** As its body says. */
  readonly queueId: string;
  /** By the standard's own library. */
  readonly isSigned: boolean;
  /** The receiver remembers it, whether or not it could say so. */
  readonly isTaken: boolean;
  /** At the ticket, as soon as this was read. HTTP status 0: the service was gone. */
  readonly look: Look;
  /** All that was sent. */
  readonly bytes: string;
  readonly body: string;
}

export interface FedEvent {
  readonly eventId: string;
  readonly type: string;
  readonly queueId: string;
  readonly text: string;
}

export interface Kept {
  /** Of the comparison. */
  readonly number: number;
  readonly key: string | null;
  readonly queueId: string;
  /** When the request was sent. */
  readonly fromMs: number;
  /** When the 202 had come. */
  readonly toMs: number;
  /** As the 202 says. */
  readonly expiresAtMs: number;
}

export interface Answered {
  readonly number: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly key: string | null;
  readonly status: number;
  readonly errorType: string | null;
  /** Of a 200. */
  readonly justification: string | null;
  readonly body: string;
}

export interface Broken {
  readonly number: number;
  /** Which of the processes was asked; 0 where there is one. */
  readonly process: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly error: string;
}

export interface Look {
  readonly queueId: string;
  readonly httpStatus: number;
  /** `null` where the answer was not a status. */
  readonly ticket: TicketStatus | null;
}

export interface TicketStatus {
  readonly status: string;
  readonly updatedAtMs: number;
  readonly expiresAtMs: number;
  readonly retryCount: number;
  readonly errorType: string | null;
}

export interface End extends Look {
  /** What `results` answered. */
  readonly result: {
    readonly httpStatus: number;
    readonly justification: string | null;
    /** `metadata.attempts` */
    readonly attempts: number | null;
    /** Of the caller's own metadata. */
    readonly number: number | null;
  };
}

/** What the service itself has stored of a ticket. Events are only ever added, so those of before a kill are what the kill left. */
export interface History {
  /** Of the comparison. */
  readonly number: number;
  readonly queueId: string;
  readonly expiresAtMs: number;
  /** Calls that it is charged with. */
  readonly attempts: number;
  readonly events: readonly TicketEvent[];
}

/** A call that the upstream heard. */
export interface Call {
  readonly number: number;
  /** Which of the processes has called; 0 where there is one. */
  readonly process: number;
  readonly receivedAtMs: number;
  /** Before this moment it was not sent: the upstream, which may have been late itself, would have heard it sooner. */
  readonly sentFromMs: number;
  /** The whole answer was in the system's hands. */
  readonly endedAtMs: number;
  /** A judgement, sent whole. */
  readonly isJudgement: boolean;
  /** A refusal, sent whole: such a request can never succeed. */
  readonly isRefusal: boolean;
  /** In the vendor's place somebody between answered, with a page or without a word, and sent that whole. */
  readonly isPage: boolean;
  /** The provider broke the connection before a byte of its answer. */
  readonly isBroken: boolean;
  /** The service went away before the end. */
  readonly isCut: boolean;
}

export interface Kill {
  /** Which of the processes; 0 where there is one. */
  readonly process: number;
  /** The signal was sent at once: what came later found nobody. */
  readonly atMs: number;
  /** When it was started again. What the upstream hears before was on its way when the kill came. */
  readonly untilMs: number;
}

/** What the data files hold. */
interface Remains {
  /** Canaries that were found while tickets waited: the search can see. */
  readonly canariesWhileWaiting: number;
  /** Files that still hold a canary after the last ticket has ended. */
  readonly filesWithCanaries: readonly string[];
  /** What is wrong with the databases. */
  readonly damage: readonly string[];
}
