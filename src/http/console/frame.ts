/** The page around what is shown, its style and its script. Nothing of it comes from elsewhere, and nothing inline runs. */
import { html } from "hono/html";
import type { Html } from "./marks.ts";

/** `same-origin`: without a referrer a browser would not say of a form whose it is. */
export const pageHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "referrer-policy": "same-origin",
};

export function consolePage(title: string, main: Html): Html {
  return html`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/console/style.css"><script src="/console/app.js" defer></script><noscript><meta http-equiv="refresh" content="20"></noscript><main>${main}</main><p id="live" role="status"></p></html>`;
}

/** Refreshes while somebody looks, and neither types, nor chooses, nor marks text. A page that is not fresh any more says so. */
export const script = `"use strict";
const live = document.getElementById("live");
let at = new Date();
async function refresh() {
  const old = document.querySelector("main");
  const on = document.activeElement;
  if (document.hidden || on.matches("input,select") || !getSelection().isCollapsed) return;
  try {
    const answer = await fetch(location.href);
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (document.activeElement !== on) return;
    old.replaceWith(fresh);
    if (on.id) document.getElementById(on.id)?.focus({ preventScroll: true });
    at = new Date();
    live.className = live.textContent = "";
  } catch (error) {
    live.className = "wrong";
    live.textContent = "Not refreshed since " + at.toISOString().slice(11, 19) + " UTC: " + error.message;
  }
}
setInterval(refresh, 5000);
`;

export const style = `:root{color-scheme:light dark;--ink:#1b1b1b;--paper:#fff;--dim:#595959;--line:#cfcfcf;--bad:#a61b1b;--badpaper:#fdecec;--ok:#1a6b2f;--okpaper:#eaf6ec;--warnpaper:#fdf4dc;--call:#4a7bd0}
@media(prefers-color-scheme:dark){:root{--ink:#ececec;--paper:#161616;--dim:#a8a8a8;--line:#444;--bad:#ff9c9c;--badpaper:#3a1c1c;--ok:#8fd79f;--okpaper:#16301c;--warnpaper:#38300f;--call:#7aa7f5}}
body{font:15px/1.45 system-ui,sans-serif;margin:1rem auto;max-width:90rem;padding:0 1rem;color:var(--ink);background:var(--paper)}
h1{font-size:1.3rem;margin:.5rem 0}h2{font-size:1.1rem;margin:1.2rem 0 .1rem}a{color:inherit}p{margin:.2rem 0}ul{margin:.3rem 0}small,.dim,caption{color:var(--dim);font-size:.85em}small{white-space:nowrap}
table{border-collapse:collapse;width:100%;margin:0 0 1.5rem}caption{text-align:left;padding-bottom:.4rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .9rem .35rem 0;border-top:1px solid var(--line);font-weight:400;overflow-wrap:break-word;min-width:4.5rem}bdi{overflow-wrap:anywhere}thead th{color:var(--dim)}
.well,.wrong,.warn{padding:.6rem .9rem;border-left:4px solid;border-radius:3px}.well{background:var(--okpaper);border-color:var(--ok)}.wrong{background:var(--badpaper);border-color:var(--bad)}.warn{background:var(--warnpaper);margin-top:.5rem}
th b{font-weight:600}.ok{color:var(--ok)}.bad{color:var(--bad)}svg{width:180px;height:24px;stroke:var(--call);stroke-width:2;border-bottom:1px solid var(--line)}svg .bad{stroke:var(--bad)}
form{display:flex;flex-wrap:wrap;gap:.4rem .8rem;align-items:end}label{display:grid}button,input,select{font:inherit;padding:.2rem .6rem}:focus-visible{outline:3px solid var(--call);outline-offset:2px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
@media(max-width:50rem){thead{position:absolute;left:-999rem}table,tbody,tr,th,td{display:block;border:0;padding:.1rem 0}tr{border-top:1px solid var(--line);padding:.5rem 0}caption{display:block}td::before{content:attr(data-label) ": ";color:var(--dim)}}
`;
