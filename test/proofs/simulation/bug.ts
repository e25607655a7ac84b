/** What a deliberate bug is: the real parts, one of them spoilt. */
import type { GateKeeper } from "../../../src/engine/gate-keeper.ts";
import type { TicketKeeper } from "../../../src/engine/ticket-keeper.ts";
import type { TicketKeeperParts } from "../../../src/engine/ticket-parts.ts";
import type { Gate, Keys, Ports, Provider, Tickets } from "../../../src/gateway/ports.ts";
import { realParts, type Seams } from "./seams.ts";

export interface Bug {
  readonly name: string;
  /** Made anew for every world, so that what it remembers is of that world alone. */
  readonly plant: () => Seams;
}

function withGateway(name: string, spoil: (ports: Ports) => Partial<Ports>): Bug {
  return {
    name,
    plant: () => ({ ...realParts, ports: (ports) => ({ ...ports, ...spoil(ports) }) }),
  };
}

export function withTickets(name: string, spoil: (tickets: Tickets) => Partial<Tickets>): Bug {
  return withGateway(name, ({ tickets }) => ({ tickets: { ...tickets, ...spoil(tickets) } }));
}

export function withKeys(name: string, spoil: (keys: Keys) => Partial<Keys>): Bug {
  return withGateway(name, ({ keys }) => ({ keys: { ...keys, ...spoil(keys) } }));
}

export function withGate(name: string, spoil: (gate: Gate) => Partial<Gate>): Bug {
  return withGateway(name, ({ gate }) => ({
    gate: (provider) => ({ ...gate(provider), ...spoil(gate(provider)) }),
  }));
}

export function withVendor(name: string, spoil: (vendor: Provider) => Partial<Provider>): Bug {
  return withGateway(name, ({ providers }) => ({
    providers: new Map([...providers].map(([of, vendor]) => [of, { ...vendor, ...spoil(vendor) }])),
  }));
}

export function withKeeper(name: string, spoil: (keeper: GateKeeper) => Partial<GateKeeper>): Bug {
  return {
    name,
    plant: () => ({
      ...realParts,
      createGateKeeper(parts) {
        const keeper = realParts.createGateKeeper(parts);
        return { ...keeper, ...spoil(keeper) };
      },
    }),
  };
}

/** @param spoil is given what the keeper of one ticket is made of, and whether its alarm is ringing */
export function withTicketKeeper(
  name: string,
  spoil: (parts: TicketKeeperParts, isRinging: () => boolean) => Partial<TicketKeeperParts>,
): Bug {
  return {
    name,
    plant: () => ({
      ...realParts,
      createTicketKeeper(parts, rules): TicketKeeper {
        let ringing = 0;
        const keeper = realParts.createTicketKeeper({ ...parts, ...spoil(parts, () => ringing > 0) }, rules);
        return {
          ...keeper,
          async ring() {
            ringing++;
            await keeper.ring().finally(() => ringing--);
          },
        };
      },
    }),
  };
}

export function withMoves(name: string, spoil: (moves: Seams["moves"]) => Partial<Seams["moves"]>): Bug {
  return { name, plant: () => ({ ...realParts, moves: { ...realParts.moves, ...spoil(realParts.moves) } }) };
}
