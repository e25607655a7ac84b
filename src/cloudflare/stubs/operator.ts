/** The object that serves operators (`objects/operator-object.ts`), as asked from elsewhere. Whatever goes wrong is `StoreAway`. */
import type { Actions, OperatorAction } from "../../gateway/ports.ts";
import type { Environment } from "../environment.ts";
import type { OperatorObject } from "../objects/operator-object.ts";
import { askObject, type Remote } from "./ask-object.ts";

export function remoteActions(env: Environment): Actions {
  return {
    note: (action) => ask<void>(env, (operator) => operator.noteAction(action)),
    latest: (most) => ask<readonly OperatorAction[]>(env, (operator) => operator.actions(most)),
  };
}

/** A tenant's index says that it has tickets, until then at least. */
export function noteTenant(env: Environment, tenant: string, untilMs: number): Promise<void> {
  return ask(env, (operator) => operator.noteTenant(tenant, untilMs));
}

/** Those whose indexes have tickets. */
export function tenantsWithTickets(env: Environment): Promise<readonly string[]> {
  return ask(env, (operator) => operator.tenants());
}

function ask<Reply>(
  env: Environment,
  verb: (operator: Remote<OperatorObject>) => Promise<Reply>,
): Promise<Reply> {
  return askObject<OperatorObject, Reply>(env.OPERATOR_OBJECTS, "all", verb);
}
