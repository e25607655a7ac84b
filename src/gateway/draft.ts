/** What is stored of a comparison that is to be judged later, beside its texts. */
import { besideBytes, recordBytes } from "../domain/ticket/size.ts";
import type { About } from "../domain/ticket/ticket.ts";
import { traceparentOf, type Span } from "../telemetry/tracing/context.ts";
import type { GateKeys } from "./gate-keys.ts";
import type { Draft } from "./ports.ts";
import type { Presented } from "./resolve.ts";
import type { Caller } from "./submission.ts";

interface KeptAs {
  readonly id: string;
  /** UTF-8 bytes of the comparison's texts. */
  readonly sizeBytes: number;
  /** `null`: nobody records how it is kept. */
  readonly span: Span | null;
}

export function aboutOf(
  { comparison, plan, promptSha256, frame, presentation, exchanged, pairSha256 }: Presented,
  caller: Caller,
  keys: GateKeys,
  { id, sizeBytes, span }: KeptAs,
): Draft["about"] {
  const { provider, model, parameters } = comparison;
  const keptBytes = besideBytes(caller);
  return {
    id,
    tenant: caller.tenant,
    provider,
    model,
    parameters,
    plan,
    promptSha256,
    frame,
    ...(presentation !== "as_given" && { presentation }),
    ...(exchanged && { exchanged }),
    pairSha256,
    priority: caller.priority,
    sizeBytes,
    storedBytes: sizeBytes + recordBytes + keptBytes,
    keptBytes,
    keys,
    correlationId: caller.correlationId,
    traceId: caller.traceId,
    ...(span && { traceparent: traceparentOf(span) }),
    userId: caller.userId,
    metadata: caller.metadata,
    ...(caller.callback && { callback: caller.callback }),
    ...asWritten(caller),
  };
}

/** What a ticket keeps of a request's own writing: only what its record doesn't say already. */
function asWritten({
  metadata,
  metadataText,
  ignoredFields = [],
}: Caller): Pick<About, "metadataText" | "ignoredFields"> {
  const saysMore = metadataText !== undefined && metadataText !== JSON.stringify(metadata);
  return { ...(saysMore && { metadataText }), ...(ignoredFields.length > 0 && { ignoredFields }) };
}
