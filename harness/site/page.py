"""The page of the board: plain HTML that asks its own server every second; nothing from elsewhere.

All texts that come from cards are put in as text, never as HTML.
"""

from __future__ import annotations

from typing import Final

PAGE: Final = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>medharness 操作卡</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:16px/1.5 system-ui,"Microsoft YaHei",sans-serif;margin:1rem auto;max-width:60rem;
padding:0 1rem;color:#1a1a1a;background:#fff}
h2{border-bottom:2px solid #357;margin:1.5rem 0 .5rem}
article{border:1px solid #999;border-radius:6px;padding:.6rem 1rem;margin:.6rem 0}
article.seen{opacity:.6}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.4rem 0}
dt{color:#555}dd{margin:0;font-weight:600;overflow-wrap:anywhere}
input,button{font:inherit;padding:.2rem .5rem}
</style></head><body>
<h1>操作卡</h1>
<p><label>操作人 <input id="who" autocomplete="off"></label>
系统看到结果后自动继续，无需按“完成”。</p>
<main id="cards"></main>
<script>
"use strict";
let before = "";
const make = (tag, text) => {
  const one = document.createElement(tag);
  one.textContent = text || "";
  return one;
};
const who = () => document.getElementById("who").value.trim();
const post = (path, words, body) => fetch(
  path + "?" + new URLSearchParams({operator: who(), ...words}),
  {method: "POST", headers: {"X-Medharness": "1"}, body: body || ""});
function shown(card) {
  const box = make("article");
  box.dataset.card = card.number;
  if (card.seen) box.className = "seen";
  box.append(make("strong", "卡 " + card.number + "　" + card.text));
  const list = make("dl");
  for (const [label, value] of card.fields) {
    const entry = make("dd", value);
    entry.dataset.label = label;
    list.append(make("dt", label), entry);
  }
  box.append(list);
  for (const [name, label] of card.typed) {
    const line = make("label", label + "（键入或扫码） ");
    const field = make("input");
    field.dataset.typed = name;
    field.addEventListener("keydown", event => {
      if (event.key === "Enter" && field.value) {
        post("/typed", {card: card.number, name: name, value: field.value}).then(look);
      }
    });
    line.append(field);
    box.append(line);
  }
  const take = make("button", card.operator ? "操作人：" + card.operator : "我来做");
  take.addEventListener("click", () => post("/take", {card: card.number}).then(look));
  const file = make("input");
  file.type = "file";
  file.addEventListener("change", () => {
    const one = file.files[0];
    if (one) post("/attach", {card: card.number, name: one.name}, one).then(look);
  });
  const line = make("p");
  line.append(take, " 截图（" + card.attachments + "） ", file);
  box.append(line);
  if (card.seen) box.append(make("p", "已看到结果"));
  return box;
}
async function look() {
  const text = await (await fetch("/cards.json")).text();
  if (text === before) return;
  before = text;
  const groups = new Map();
  for (const card of JSON.parse(text).cards) {
    if (!groups.has(card.workstation)) groups.set(card.workstation, []);
    groups.get(card.workstation).push(card);
  }
  const root = document.getElementById("cards");
  root.replaceChildren();
  for (const [name, cards] of groups) {
    const part = make("section");
    part.dataset.workstation = name;
    part.append(make("h2", name), ...cards.map(shown));
    root.append(part);
  }
  if (!groups.size) root.append(make("p", "现在没有要做的操作。"));
}
setInterval(() => look().catch(() => {}), 1000);
look();
</script></body></html>
"""
