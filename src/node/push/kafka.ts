/**
 * The bus over Kafka. The value is the whole CloudEvent (its Kafka binding's structured mode), the key the ticket's id, by Java's partitioner: so
 * a ticket's events stand in one partition, where other producers' of the same key stand too. The topic is the operator's: none is made here.
 */
import { Producer, compatibilityPartitioner, stringSerializers } from "@platformatic/kafka";
import { inTime } from "../../gateway/deadline.ts";
import type { Clock } from "../../gateway/ports.ts";
import type { Bus, BusEvent } from "../../push/bus.ts";
import type { Config } from "../../settings/config.ts";

type KafkaConfig = NonNullable<Config["bus"]["kafka"]>;

const contentType = "application/cloudevents+json; charset=UTF-8";

/** Of a batch, its connections and tries included. */
const publishMs = 20_000;
const connectMs = 5_000;
const requestMs = 10_000;
/** After the first try; idempotent producers of this client try for ever where this is 1 or less. */
const retries = 3;
const retryDelayMs = 250;

const mechanisms = {
  "scram-sha-512": "SCRAM-SHA-512",
  "scram-sha-256": "SCRAM-SHA-256",
  plain: "PLAIN",
} as const;

export function kafkaBus(settings: KafkaConfig, clock: Clock): Bus {
  const { topic } = settings;
  let producer: TextProducer | null = null;

  async function send(events: readonly BusEvent[]): Promise<void> {
    producer ??= producerFor(settings);
    const messages = events.map(({ queueId, json }) => ({
      topic,
      key: queueId,
      value: json,
      headers: { "content-type": contentType },
    }));
    const sent = await inTime(clock, publishMs, producer.send({ messages }));
    if (sent === undefined) throw new Error("timeout");
  }

  /** Whatever has failed: what an idempotent producer believes of its partitions may be wrong from then on. */
  function renew(): void {
    const gone = producer;
    producer = null;
    gone?.close(true).catch(() => {});
  }

  return {
    name: "kafka",
    async publish(events) {
      try {
        await send(events);
        return { kind: "all" };
      } catch (error) {
        renew();
        return { kind: "some", unsent: events, why: faultOf(error), retryAfterMs: null };
      }
    },
    async close() {
      const gone = producer;
      producer = null;
      await gone?.close(true);
    },
  };
}

type TextProducer = Producer<string, string, string, string>;

function producerFor({ bootstrapServers, username, password, mechanism, tls }: KafkaConfig): TextProducer {
  const producer: TextProducer = new Producer({
    clientId: "llm-provider-service",
    bootstrapBrokers: [...bootstrapServers],
    serializers: stringSerializers,
    partitioner: compatibilityPartitioner,
    autocreateTopics: false,
    acks: -1,
    idempotent: true,
    retries,
    retryDelay: retryDelayMs,
    connectTimeout: connectMs,
    requestTimeout: requestMs,
    ...(tls && { tls: {} }),
    ...(username !== null &&
      password !== null && { sasl: { mechanism: mechanisms[mechanism], username, password } }),
  });
  return producer;
}

/** The deepest reason that has a name: Kafka's own, as SASL_AUTHENTICATION_FAILED, or the system's, as ECONNREFUSED. */
function faultOf(error: unknown): string {
  // The client looks for topics by itself, and has no code for this.
  if (error instanceof Error && error.message.startsWith("Unknown topic"))
    return "UNKNOWN_TOPIC_OR_PARTITION";
  return namesIn(error).at(-1) ?? "other";
}

/** From the outside in. */
function namesIn(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const { apiId, code } = error as { apiId?: unknown; code?: unknown };
  const inner = error instanceof AggregateError ? (error.errors as readonly unknown[]) : [error.cause];
  const own = [apiId, code].find((name) => typeof name === "string");
  const name = own ?? (error.message === "timeout" ? "timeout" : undefined);
  return [...(name === undefined ? [] : [name]), ...inner.flatMap(namesIn).slice(-1)];
}
