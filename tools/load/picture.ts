/** The latency over time as an SVG, a panel for each provider: what percentiles of a whole run can't show is when it was slow. */
import type { Arrival } from "./run.ts";
import { errorOf, latencyIn, type Latency } from "./summary.ts";

export interface PictureOptions {
  /** Of the run. */
  readonly seconds: number;
  readonly title: string;
  /** Drawn as a line; `null`: none. */
  readonly p95LimitMs: number | null;
}

const width = 960;
const left = 70;
const right = 940;
const headHeight = 60;
const panelHeight = 330;
/** Within a panel. */
const plotTop = 34;
const plotBottom = 230;
const barsTop = 246;
const barsBottom = 290;
const mostSlots = 120;

const lines = [
  { key: "p50Ms", name: "p50", color: "#0072b2" },
  { key: "p95Ms", name: "p95", color: "#e69f00" },
  { key: "p99Ms", name: "p99", color: "#d55e00" },
  { key: "maxMs", name: "max", color: "#999999" },
] as const;

interface Slot {
  readonly latency: Latency | null;
  readonly count: number;
  /** Those alone that are no errors. */
  readonly tickets: number;
  readonly errors: number;
}

export function pictureOf(arrivals: readonly Arrival[], options: PictureOptions): string {
  const providers = [...Map.groupBy(arrivals, ({ provider }) => provider)].toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const height = headHeight + Math.max(1, providers.length) * panelHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img">
<title>${escaped(options.title)}</title>
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${left}" y="24" font-size="15">${escaped(options.title)}</text>
<text x="${left}" y="44" fill="#555">latency from the planned moment, milliseconds, each point a slice of time; below: what came, with tickets and errors in it</text>
${providers.map(([provider, its], at) => panel(provider, its, headHeight + at * panelHeight, options)).join("\n")}
</svg>
`;
}

function panel(
  provider: string,
  arrivals: readonly Arrival[],
  top: number,
  { seconds, p95LimitMs }: PictureOptions,
): string {
  const slots = slotsOf(arrivals, seconds);
  const all = latencyIn(arrivals.map(({ latencyMs }) => latencyMs));
  const scale = logScale(arrivals, p95LimitMs ?? all?.p50Ms ?? 1);
  const x = (slot: number) => left + ((slot + 0.5) * (right - left)) / slots.length;
  const drawn = lines.map(({ key, color }) => {
    const points = slots.flatMap(({ latency }, at) =>
      latency === null ? [] : [`${x(at).toFixed(1)},${scale.y(latency[key]).toFixed(1)}`],
    );
    return `<polyline points="${points.join(" ")}" fill="none" stroke="${color}" stroke-width="1.6"/>`;
  });
  const limit =
    p95LimitMs === null
      ? ""
      : `<line x1="${left}" x2="${right}" y1="${scale.y(p95LimitMs)}" y2="${scale.y(p95LimitMs)}" stroke="#e69f00" stroke-dasharray="6 4"/>`;
  const legend = lines.map(
    ({ key, name, color }, at) =>
      `<text x="${right - 420 + at * 105}" y="24" fill="${color}">${name} ${all === null ? "" : Math.round(all[key])}</text>`,
  );
  return `<g transform="translate(0 ${top})">
<text x="${left}" y="24" font-weight="bold">${escaped(provider)}</text>${legend.join("")}
${scale.ticks.map((tick) => grid(tick, scale.y(tick))).join("\n")}
${drawn.toReversed().join("\n")}
${limit}
${bars(slots, x)}
${timeAxis(seconds)}
</g>`;
}

/** At most 120, and none shorter than a quarter of a second: a slice of few arrivals has no percentiles. */
function slotsOf(arrivals: readonly Arrival[], seconds: number): readonly Slot[] {
  const count = Math.max(1, Math.min(mostSlots, Math.floor(seconds * 4)));
  const slotOf = ({ plannedMs }: Arrival) =>
    Math.min(count - 1, Math.floor((plannedMs / 1_000 / seconds) * count));
  const bySlot = Map.groupBy(arrivals, slotOf);
  return Array.from({ length: count }, (_, slot) => {
    const its = bySlot.get(slot) ?? [];
    return {
      latency: latencyIn(its.map(({ latencyMs }) => latencyMs)),
      count: its.length,
      tickets: its.filter((arrival) => arrival.outcome.kind === "kept" && errorOf(arrival) === null).length,
      errors: its.filter((arrival) => errorOf(arrival) !== null).length,
    };
  });
}

/** From the decade below the least to that above the most. @param also what must be on it as well */
function logScale(arrivals: readonly Arrival[], also: number) {
  const values = [...arrivals.map(({ latencyMs }) => latencyMs), also].map((value) => Math.max(1, value));
  const least = Math.floor(Math.log10(values.reduce((a, b) => Math.min(a, b))));
  const most = Math.max(least + 1, Math.ceil(Math.log10(values.reduce((a, b) => Math.max(a, b)))));
  const y = (value: number) =>
    plotBottom - ((Math.log10(Math.max(1, value)) - least) / (most - least)) * (plotBottom - plotTop);
  const decades = Array.from({ length: most - least + 1 }, (_, at) => 10 ** (least + at));
  const ticks = decades
    .flatMap((decade) => [decade, 2 * decade, 5 * decade])
    .filter((tick) => tick <= 10 ** most);
  return { y, ticks };
}

function grid(tick: number, y: number): string {
  return `<line x1="${left}" x2="${right}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" stroke="#e5e5e5"/><text x="${left - 8}" y="${(y + 4).toFixed(1)}" text-anchor="end" fill="#555">${tick}</text>`;
}

function bars(slots: readonly Slot[], x: (slot: number) => number): string {
  const most = slots.reduce((count, slot) => Math.max(count, slot.count), 1);
  const barWidth = Math.max(1, (right - left) / slots.length - 1);
  const bar = (at: number, count: number, color: string) => {
    const height = (count / most) * (barsBottom - barsTop);
    return count === 0
      ? ""
      : `<rect x="${(x(at) - barWidth / 2).toFixed(1)}" y="${(barsBottom - height).toFixed(1)}" width="${barWidth.toFixed(1)}" height="${height.toFixed(1)}" fill="${color}"/>`;
  };
  return slots
    .map(
      ({ count, tickets, errors }, at) =>
        bar(at, count, "#d0dbe5") + bar(at, errors + tickets, "#56b4e9") + bar(at, errors, "#d40000"),
    )
    .join("");
}

function timeAxis(seconds: number): string {
  const marks = Array.from({ length: 7 }, (_, at) => at / 6);
  const texts = marks.map(
    (share) =>
      `<text x="${left + share * (right - left)}" y="${barsBottom + 18}" text-anchor="middle" fill="#555">${Number((share * seconds).toFixed(1))} s</text>`,
  );
  return `${texts.join("")}<text x="${left - 8}" y="${barsBottom - 14}" text-anchor="end" fill="#555">arrivals</text><text x="${left}" y="${barsBottom + 34}" fill="#555">blue: tickets, red: errors</text>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
