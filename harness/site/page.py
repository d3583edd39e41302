"""The page of the board: plain HTML that asks its own server every second; nothing from elsewhere.

All texts that come from cards are put in as text, never as HTML. The page speaks the language of
the run; what stands on a card is as its file has it.
"""

from __future__ import annotations

import html
import json
from typing import Final

from harness import i18n
from harness.i18n import tr

_PAGE: Final = """<!DOCTYPE html>
<html lang="@lang@"><head><meta charset="utf-8"><title>medharness @title@</title>
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
<h1>@title@</h1>
<p><label>@operator@ <input id="who" autocomplete="off"></label>
@explained@</p>
<main id="cards"></main>
<script>
"use strict";
const words = @words@;
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
function picture(card) {
  const file = make("input");
  file.type = "file";
  file.addEventListener("change", () => {
    const one = file.files[0];
    if (one) post("/attach", {card: card.number, name: one.name}, one).then(look);
  });
  return [" " + words.picture + " (" + card.attachments + ") ", file];
}
function shown(card) {
  const box = make("article");
  box.dataset.card = card.number;
  if (card.seen) box.className = "seen";
  box.append(make("strong", words.card + " " + card.number + "　" + card.text));
  const list = make("dl");
  for (const [label, value] of card.fields) {
    const entry = make("dd", value);
    entry.dataset.label = label;
    list.append(make("dt", label), entry);
  }
  box.append(list);
  for (const [name, label] of card.typed) {
    const line = make("label", label + words.typed);
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
  for (const told of [card.first, card.earlier]) if (told) box.append(make("p", told));
  const take = make("button", card.operator ? words.by + card.operator : words.take);
  take.addEventListener("click", () => post("/take", {card: card.number}).then(look));
  const line = make("p");
  line.append(take, ...picture(card));
  box.append(line);
  if (card.seen) box.append(make("p", words.seen));
  return box;
}
function finished(card) {
  const text = [words.card + " " + card.number, card.workstation, card.text].join("　");
  const line = make("p", text);
  line.dataset.done = card.number;
  line.append(" ", ...picture(card));
  return line;
}
async function look() {
  const text = await (await fetch("/cards.json")).text();
  if (text === before) return;
  before = text;
  const groups = new Map();
  const told = JSON.parse(text);
  for (const card of told.cards) {
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
  if (!groups.size) root.append(make("p", words.nothing));
  if (told.done.length) root.append(make("h2", words.done), ...told.done.map(finished));
}
setInterval(() => look().catch(() => {}), 1000);
look();
</script></body></html>
"""


def page() -> str:
    """The page in the language that holds now."""
    words = {
        "card": tr("card"),
        "typed": tr(" (type or scan) "),
        "by": tr("operator: "),
        "take": tr("I do it"),
        "picture": tr("screenshot"),
        "seen": tr("the result was seen"),
        "nothing": tr("There is nothing to do now."),
        "done": tr("done; a screenshot may still be added"),
    }
    text = {
        "lang": i18n.current(),
        "title": tr("operator cards"),
        "operator": tr("operator"),
        "explained": tr("It goes on by itself when the result is seen; there is no button “done”."),
    }
    found = _PAGE
    for name, value in text.items():
        found = found.replace(f"@{name}@", html.escape(value))
    shown = json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")
    return found.replace("@words@", shown)
