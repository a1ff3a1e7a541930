/** The list of what happened, the newest first, and what of it is read aloud. */

import { failed, happened } from "./telling.js";
import { clock, lasting, say } from "./words.js";

const MOST = 300; // rows
const MOMENT = 3; // milliseconds that are not worth telling
const QUIET = 1500; // milliseconds between two things that are read aloud

export class Story extends EventTarget {
  #list = document.querySelector("#story");
  #polite = document.querySelector("#polite");
  #rows = new Map();
  #running = new Set();
  #before = null;
  #spoken = 0;

  /** A stream has begun: what comes until `settle` is all there is. */
  begin() {
    this.#before = new Set(this.#rows.keys());
  }

  /** What was not told again is of another server's life. */
  settle() {
    for (const number of this.#before ?? []) this.#drop(number);
    this.#before = null;
  }

  add(happening) {
    const { number, ended } = happening;
    this.#before?.delete(number);
    let row = this.#rows.get(number);
    if (!row) {
      row = document.createElement("li");
      this.#rows.set(number, row);
      this.#list.prepend(row);
      const older = row.nextElementSibling;
      older?.classList.toggle("same", older.dataset.who === happening.who.name);
    }
    this.#write(row, happening);
    if (!ended) this.#running.add(number);
    else if (this.#running.delete(number)) this.#read(happening);
    if (this.#rows.size > MOST) this.#drop(this.#rows.keys().next().value);
    document.querySelector("#quiet").hidden = true;
  }

  #drop(number) {
    this.#rows.get(number)?.remove();
    this.#rows.delete(number);
    this.#running.delete(number);
  }

  #write(row, happening) {
    const { number, when, who, ended, ok, ms, frame, error, why } = happening;
    row.happening = happening;
    row.dataset.kind = who.kind;
    row.dataset.who = who.name;
    row.dataset.number = number;
    // Refusals that people have brought about are no failures.
    row.classList.toggle("bad", ended && !ok && !why);
    row.classList.toggle("running", !ended);
    const time = cell("time", clock(when));
    time.dateTime = new Date(when * 1000).toISOString();
    const text = cell("span", happened(happening), "told");
    if (who.kind !== "system") text.prepend(cell("b", who.name), " ");
    const took = cell("span", ended ? (ms >= MOMENT ? lasting(ms) : "") : say("running"), "took");
    const line = document.createElement(frame ? "button" : "div");
    line.className = "line";
    line.append(time, text, took);
    if (frame) {
      line.type = "button";
      line.title = say("look");
      const look = () => this.dispatchEvent(new CustomEvent("look", { detail: frame }));
      line.addEventListener("click", look);
    }
    const focused = row.contains(document.activeElement);
    row.replaceChildren(line);
    if (error) row.append(cell("p", failed(happening)));
    if (focused) line.focus();
  }

  /** Write all rows anew, in another language. */
  redraw() {
    for (const row of this.#rows.values()) this.#write(row, row.happening);
  }

  #read(happening) {
    const { who, ok } = happening;
    const now = Date.now();
    if (now < this.#spoken + QUIET && ok) return;
    this.#spoken = now;
    this.#polite.textContent = `${who.name}: ${happened(happening)}. ${ok ? "" : `${say("failed")}: ${failed(happening)}`}`;
  }
}

function cell(tag, text, kind = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
