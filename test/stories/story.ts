import type { VendorName } from "../../tools/fake-upstream/script.ts";
import type { Desk } from "./desk.ts";

/** Each kind of fault that a service like this one is charged with. */
type Kind =
  | "whose fault"
  | "who speaks"
  | "whose refusal"
  | "holds"
  | "breaker"
  | "thrown"
  | "cancelling"
  | "operating"
  | "telling"
  | "bounded"
  | "whose verdict"
  | "presentation"
  | "preview"
  | "several answers"
  | "the wire"
  | "the door";

/** One story of a kind, at one vendor. */
export interface Story {
  readonly kind: Kind;
  readonly at: VendorName;
  /** What it shows. */
  readonly name: string;
  tell(desk: Desk): Promise<void>;
}
