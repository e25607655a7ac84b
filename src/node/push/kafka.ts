/**
 * The bus over Kafka. The value is the whole CloudEvent (its Kafka binding's structured mode), the key the ticket's id, by Java's partitioner: so
 * a ticket's events stand in one partition, where other producers' of the same key stand too. The topic is the operator's: none is made here.
 */
import { isIP } from "node:net";
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
  let connecting: Promise<TextProducer> | null = null;

  async function send(events: readonly BusEvent[]): Promise<void> {
    const messages = events.map(({ queueId, json }) => ({
      topic,
      key: queueId,
      value: json,
      headers: { "content-type": contentType },
    }));
    const producer = await (connecting ??= connectedTo(settings));
    await producer.send({ messages });
  }

  /** Whatever has failed: what an idempotent producer believes of its partitions may be wrong from then on. */
  async function end(): Promise<void> {
    const gone = connecting;
    connecting = null;
    const producer = await gone?.catch(() => null);
    await producer?.close(true);
  }

  return {
    name: "kafka",
    async publish(events) {
      try {
        const sending = send(events).then(() => "sent");
        if ((await inTime(clock, publishMs, sending)) === undefined) throw new Error("timeout");
        return { kind: "all" };
      } catch (error) {
        void end().catch(() => {});
        return { kind: "some", unsent: events, isAway: true, why: faultOf(error), retryAfterMs: null };
      }
    },
    close: end,
  };
}

type TextProducer = Producer<string, string, string, string>;

/**
 * Over TLS with the name of each broker in its hello, by which brokers behind one address are told apart; where one of them has no name, without:
 * an address can't be in it (RFC 6066), and the client would throw it past everybody.
 */
async function connectedTo(settings: KafkaConfig): Promise<TextProducer> {
  const hasNames = settings.tls && !settings.bootstrapServers.some(isAddress);
  const producer = producerFor(settings, hasNames);
  if (!hasNames) return producer;
  try {
    const { brokers } = await producer.metadata({ topics: [settings.topic], autocreateTopics: false });
    if (![...brokers.values()].some(({ host }) => isIP(host) !== 0)) return producer;
  } catch (error) {
    await producer.close(true);
    throw error;
  }
  await producer.close(true);
  return producerFor(settings, false);
}

function producerFor(
  { bootstrapServers, username, password, mechanism, tls }: KafkaConfig,
  saysNames: boolean,
): TextProducer {
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
    ...(tls && { tls: {}, tlsServerName: saysNames }),
    ...(username !== null &&
      password !== null && { sasl: { mechanism: mechanisms[mechanism], username, password } }),
  });
  return producer;
}

function isAddress(server: string): boolean {
  return isIP(server.replace(/:\d+$/, "").replace(/^\[|\]$/g, "")) !== 0;
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
