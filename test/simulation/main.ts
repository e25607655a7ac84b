import { simulate } from "./simulate.ts";
import { faultKinds } from "./plan.ts";
const from = Number(process.argv[2] ?? 1), n = Number(process.argv[3] ?? 20), clean = process.argv[4] === "clean", told = process.argv.includes("told");
const t = performance.now();
const ends: Record<string, number> = {};
let bad = 0; const by: Record<string, number[]> = {};
for (let seed = from; seed < from + n; seed++) {
  const r = await simulate(seed, { isTold: told, ...(clean ? { cut: { without: faultKinds, requests: Infinity } } : {}) });
  for (const [k, v] of Object.entries(r.ends)) ends[k] = (ends[k] ?? 0) + v;
  if (told) { const a = r.violation?.about; for (const l of r.lines) if (!process.argv.includes("only") || !a || l.what.includes(a.slice(0,8)) || l.who.includes(a.slice(0,8))|| l.who.startsWith("instance")) console.log(String(l.atMs).padStart(9), l.who, "|", l.what); }
  if (r.violation) { bad++; const k = `${r.violation.promise}: ${r.violation.sentence}`.replace(/[0-9a-f]{8}-[0-9a-f-]+|\d+/g, "#"); (by[k] ??= []).push(seed); if (told) console.log(r.violation); }
}
for (const [k, v] of Object.entries(by).sort((a, b) => b[1].length - a[1].length)) console.log(v.length, k, v.slice(0, 6).join(" "));
console.log(ends, bad, "bad of", n, ((performance.now() - t) / n).toFixed(1), "ms a seed");
