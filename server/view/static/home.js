/** The page of all desktops: what is on each, who works there, and what is asked. */

import { keyed, show } from "./key.js";
import { label } from "./status.js";
import { say, switchLanguage, translate } from "./words.js";

const EVERY = 2000; // milliseconds between two looks at the list, and at the pictures
const PATIENCE = 6000;

const $ = id => document.getElementById(id);
const cards = new Map();
let last = [];

function card(name) {
  const node = document.createElement("li");
  node.innerHTML = "<a><img alt=''><strong></strong><span class='state'></span><span class='asks'></span></a>";
  node.querySelector("a").href = `/live/${encodeURIComponent(name)}`;
  node.querySelector("strong").textContent = name;
  $("desktops").append(node);
  return node;
}

function draw(desktops) {
  last = desktops;
  const names = new Set(desktops.map(({ name }) => name));
  for (const [name, node] of cards) {
    if (names.has(name)) continue;
    node.remove();
    cards.delete(name);
  }
  for (const one of desktops) {
    if (!cards.has(one.name)) cards.set(one.name, card(one.name));
    const node = cards.get(one.name);
    const [kind, told] = label(one, one.now);
    node.dataset.state = kind;
    write(node.querySelector(".state"), told);
    write(node.querySelector(".asks"), one.waiting ? say("asks_count", { count: one.waiting }) : "");
  }
  const asked = desktops.reduce((sum, { waiting }) => sum + waiting, 0);
  document.title = asked ? `(${asked}) gloveport` : "gloveport";
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

async function look() {
  try {
    const answer = await keyed("/live/-/desktops", { signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status === 401) {
      localStorage.removeItem("gloveport.key");
      location.replace("/");
      return;
    }
    draw(await answer.json());
    write($("trouble"), "");
    for (const [name, node] of cards) {
      show(node.querySelector("img"), `/live/${encodeURIComponent(name)}/screen?small`);
    }
  } catch {
    write($("trouble"), say("lost_page"));
  }
}

async function run() {
  for (;;) {
    if (!document.hidden) await look();
    await new Promise(later => setTimeout(later, EVERY));
  }
}

function speak() {
  translate();
  $("language").textContent = say("language");
  $("language").ariaLabel = say("language_label");
  draw(last);
}

$("language").addEventListener("click", () => {
  switchLanguage();
  speak();
});
$("sign_out").addEventListener("click", () => {
  localStorage.removeItem("gloveport.key");
  location.replace("/");
});
speak();
run();
