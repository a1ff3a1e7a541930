/** Who works at the desktop, and whether this page still hears the server. */

import { say, span } from "./words.js";

const STEADY = 1.5; // seconds without a call before an agent is said to think: calls come in bursts
const THINKS = 120; // seconds; a model that takes longer for a turn may as well have stopped
const OLD = 5; // seconds without a sign of life that are worth telling

const $ = id => document.getElementById(id);

export class Status {
  #seat;
  #state = null;
  #lost = false;

  /** @param {import("./seat.js").Seat} seat */
  constructor(seat) {
    this.#seat = seat;
  }

  /** @param {boolean} lost Whether the server is not heard. */
  show(state, lost) {
    this.#state = state;
    this.#lost = lost;
    this.tick();
  }

  /** Write what changes with time. */
  tick() {
    const silent = (Date.now() - this.#seat.heard) / 1000;
    const lost = this.#lost;
    $("link").hidden = false;
    write("link", say(lost ? "disconnected" : "connected"));
    $("link").classList.toggle("bad", lost);
    $("link").classList.toggle("good", !lost && silent < OLD);
    $("link").title = say(lost ? "disconnected_why" : "connected_why", { for: span(silent) });
    const [kind, who, more] = lost
      ? ["lost", say("unknown_state"), say("unknown_more")]
      : this.#driver(this.#state);
    document.body.dataset.state = kind;
    write("driver", who);
    write("more", more ?? "");
  }

  #driver({ driver, paused, reserved, you, hidden, away, agents }) {
    const now = this.#seat.now;
    const more = hidden ? say("hidden") : "";
    if (you.driving) return ["you", say("you_drive"), more || say("you_drive_more")];
    if (driver.kind === "person" && away) {
      return ["person", say("away", { who: driver.name, for: span(away - now) }), more];
    }
    if (driver.kind === "person") return ["person", say("drives", { who: driver.name }), more];
    if (paused) return ["paused", say("paused", { who: paused })];
    const [kind, who] = work(agents, now);
    if (reserved && kind !== "agent" && kind !== "asking") {
      return ["agent", say("reserved", { who: driver.name })];
    }
    return [kind, who];
  }
}

/** What happens at a desktop, in a few words, for who does not look at it. */
export function label({ agents, person, paused }, now) {
  if (person) return ["person", say(paused ? "paused" : "drives", { who: person })];
  return work(agents, now);
}

/** What agents do: the kind of it, and words. */
function work(agents, now) {
  const asking = names(agents.filter(one => one.state === "asking"));
  if (asking) return ["asking", say("asking", { who: asking })];
  const since = one => now - one.since;
  const working = names(agents.filter(one => one.state === "working" || since(one) < STEADY));
  if (working) return ["agent", say("working", { who: working })];
  const last = agents.at(-1);
  if (!last) return ["nobody", say("nobody")];
  const thinking = agents.filter(one => since(one) < THINKS);
  const told = { who: names(thinking) || last.name, for: span(since(last)) };
  return thinking.length
    ? ["thinking", say("thinking", told)]
    : ["nobody", say("agents_quiet", told)];
}

function names(agents) {
  return [...new Set(agents.map(({ name }) => name))].join(", ");
}

function write(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}
