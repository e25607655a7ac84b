/** Whose turn it is where one ticket at a time may go, as the contract says it: whom a probe takes, and who is first after a hold. */
import type { Place } from "../../../src/domain/gate/places.ts";
import type { Broken } from "./breaker-reference.ts";
import type { PausedModel } from "./held.ts";

/** So many probes are remembered. */
const mostProbed = 8;
/** So many that ask the same are passed over. */
const mostEqual = 4;

export function createTurnsReference(broken: Broken) {
  /** Those that had the last turns, the newest last. */
  let probed: readonly Place[] = [];

  /** The lower, the longer ago. */
  function lastOf(isIts: (place: Place) => boolean): number {
    return probed.findLastIndex(isIts);
  }

  return {
    /**
     * "The next probe takes another ticket: least recently asked tenant, then model."
     *
     * @param ready all that could have been sent
     */
    probes(sent: Place, ready: readonly Place[]): void {
      // A suspect runs in a turn of its own.
      if (!sent.suspect) {
        const others = ready.filter(({ suspect }) => !suspect);
        const ofTenant = (tenant: string) => lastOf((place) => place.tenant === tenant);
        const ofModel = ({ tenant, model }: Place) =>
          lastOf((place) => place.tenant === tenant && place.model === model);
        const earlier = others.find(({ tenant }) => ofTenant(tenant) < ofTenant(sent.tenant));
        if (earlier)
          broken(
            "13 whose",
            `a probe takes ${sent.ticketId}, though ${earlier.ticketId}'s tenant was asked longer ago`,
            sent.ticketId,
          );
        const earlierModel = others.find(
          (place) => place.tenant === sent.tenant && ofModel(place) < ofModel(sent),
        );
        if (earlierModel)
          broken(
            "13 whose",
            `a probe takes ${sent.ticketId}, though ${earlierModel.model} was asked longer ago`,
            sent.ticketId,
          );
      }
      probed = [...probed, sent].slice(-mostProbed);
    },

    /** "After a hold of any kind the first call is another comparison's than the refused one's, of another tenant where one waits." */
    firstAfterHold(sent: Place, { by }: PausedModel, ready: readonly Place[]): void {
      if (by === null || sent.suspect) return;
      const others = ready.filter(
        ({ suspect, model, comparison }) => !suspect && model === sent.model && comparison !== by.comparison,
      );
      const equal = ready.filter(
        ({ model, comparison }) => model === sent.model && comparison === by.comparison,
      );
      if (others.length === 0 || equal.length >= mostEqual) return;
      if (sent.comparison === by.comparison)
        broken("13 whose", "the first after a hold is the refused comparison", sent.ticketId);
      else if (sent.tenant === by.tenant && others.some(({ tenant }) => tenant !== by.tenant))
        broken("13 whose", "the first after a hold is the same tenant's", sent.ticketId);
    },

    /** What is not stored at once is lost with an object's memory. */
    restarted(): void {
      probed = [];
    },
  };
}
