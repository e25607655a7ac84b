/** Who starts instances, and what ends them: crashes, stops, deploys, pauses. After the faults have ended, nobody dies any more. */
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { GateOrder } from "../../../src/domain/gate/halt.ts";
import type { GateObject } from "./gate-object.ts";
import type { Deployment, Instance } from "./instance.ts";
import { die, longestPauseMs } from "./life.ts";
import type { FaultKind } from "./plan.ts";
import type { TicketObject } from "./ticket-object.ts";
import type { World } from "./world.ts";

/** Between a SIGTERM and the kill. */
const graceMs = 10_000;

export function startOperator<One extends Instance>(
  world: World,
  running: One[],
  gates: ReadonlyMap<ProviderName, GateObject>,
  tickets: ReadonlyMap<string, TicketObject>,
  start: (name: string, deployment: Deployment, slot: number) => One,
): { end(): void } {
  const { plan, scheduler } = world;
  const random = world.random("operator");
  const isProcess = plan.shape === "process";
  let starts = 0;
  let version = 1;
  let missing: ProviderName | null = null;

  for (let slot = 0; slot < plan.instances; slot++) launch(slot);
  for (const slot of Array(plan.instances).keys()) {
    happens("crash_anytime", 4, () => crash(slot));
    happens("pause", 3, () => pause(slot));
    happens("stop", 3, () => stop(slot));
  }
  happens("deploy", 2, deploy);
  happens("halts", 3, halt);
  happens("asks_now", 5, () => order(gateOfSomeone("asked now"), { kind: "ask_now" }));
  happens("unconfigured", 1, () => {
    missing = world.random("unconfigured").pick(plan.providers as [ProviderName, ...ProviderName[]]);
    deploy();
  });
  if (plan.rates.has("unconfigured")) {
    scheduler.after(plan.healMs, () => {
      missing = null;
      deploy();
    });
  }

  function happens(kind: FaultKind, most: number, act: () => void): void {
    if (!plan.rates.has(kind)) return;
    const times = world.random(kind);
    for (let count = times.between(1, most); count > 0; count--) {
      scheduler.after(times.between(1_000, plan.healMs - 1_000), act);
    }
  }

  function gateOfSomeone(stream: string): GateObject | undefined {
    return gates.get(world.random(stream).pick(plan.providers as [ProviderName, ...ProviderName[]]));
  }

  /** Somebody pauses a provider, for a while; nobody forgets it. */
  function halt(): void {
    const gate = gateOfSomeone("halted");
    order(gate, { kind: "halt", by: "ops" }, () => {
      const times = world.random("for how long halted");
      const forMs = times.between(100, times.pick([5_000, 120_000, 600_000]));
      scheduler.after(Math.max(0, Math.min(forMs, plan.healMs - world.sinceStartMs())), () =>
        order(gate, { kind: "resume" }),
      );
    });
  }

  /** Who gets no answer orders it again. */
  function order(gate: GateObject | undefined, given: GateOrder, obeyed: () => void = () => {}): void {
    if (gate === undefined) return;
    if (gate.life().isAlive) {
      gate.order(given);
      obeyed();
    } else scheduler.after(1_000, () => order(gate, given, obeyed));
  }

  function launch(slot: number): void {
    const name = `instance ${++starts}`;
    const isRestart = running[slot] !== undefined;
    const instance = start(name, deployment(), slot);
    running[slot] = instance;
    world.note(name, `starts with version ${version}${missing ? `, without ${missing}` : ""}`);
    instance.life.onDeath.add(() => {
      world.note(name, "is dead");
      if (!isOver) scheduler.after(random.between(500, 5_000), () => launch(slot));
    });
    if (isProcess && isRestart) recover();
  }

  /** One process that holds all: its successor gives back what it had in flight, and tells its gates what there is. */
  function recover(): void {
    const all = [...tickets.values()];
    const inFlight = all.filter((ticket) => ticket.stored()?.state.status === "processing");
    for (const gate of gates.values()) gate.started(true);
    for (const ticket of inFlight) ticket.processDied(inFlight.length === 1);
    for (const ticket of all) ticket.wakeUp();
  }

  function deployment(): Deployment {
    const model = (of: string) => `${of}-${version}`;
    return {
      providers: plan.providers.filter((provider) => provider !== missing),
      defaults: {
        provider: plan.providers[0] ?? "openai",
        models: {
          anthropic: model("anthropic"),
          openai: model("openai"),
          google: model("google"),
          openrouter: model("openrouter"),
          mock: model("mock"),
        },
        maxTokens: 4_000 + version,
      },
    };
  }

  function crash(slot: number): void {
    const instance = running[slot];
    if (instance === undefined || world.hasHealed()) return;
    world.note(instance.life.name, "crashes");
    die(instance.life);
  }

  function pause(slot: number): void {
    const instance = running[slot];
    if (instance === undefined || isProcess) return;
    const forMs = world.random("pauses").between(100, longestPauseMs);
    world.note(instance.life.name, `stands still for ${forMs} ms`);
    instance.life.pausedUntilMs = Math.max(instance.life.pausedUntilMs, scheduler.nowMs() + forMs);
  }

  function stop(slot: number): void {
    const instance = running[slot];
    if (instance === undefined || !instance.life.isAlive || instance.isStopping()) return;
    world.note(instance.life.name, "is asked to stop");
    instance.stop();
    scheduler.after(graceMs, () => die(instance.life));
  }

  /** New settings, one instance after the other. */
  function deploy(): void {
    version++;
    for (const slot of running.keys()) scheduler.after(slot * 1_000, () => stop(slot));
    if (!isProcess) scheduler.after(2_000, () => gates.forEach((gate) => gate.started(false)));
  }

  let isOver = false;
  return {
    end() {
      isOver = true;
    },
  };
}
