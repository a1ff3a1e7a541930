/**
 * This page's place at the desktop: its name, the stream of what happens, and its requests. The
 * server knows whose page it is by the browser's session (key.js).
 *
 * Events: "begin" (a stream is open: all that is known comes again), "state" and "happening" (their
 * detail is what the server sent), "lost" (detail: why, once it is known).
 */

import { events, keyed } from "./key.js";
import { Retry } from "./retry.js";

const SILENCE = 9_000; // milliseconds; the server gives a sign of life every 3 s
const ANSWERED = 6_000; // milliseconds; the server does nothing that reaches it later than 5 s
const SLOW = { checkpoint: 90_000, rollback: 90_000 }; // milliseconds
const WHY = 4_000;

/** A request that was not answered: `slow` if it may still be done. */
export class Unanswered extends Error {
  constructor(slow) {
    super("");
    this.slow = slow;
  }
}

export class Seat extends EventTarget {
  #stop = new AbortController();
  #retry = new Retry(() => this.#open());
  #silence = 0;
  #ahead = null; // seconds by which the server's clock is ahead of ours, at least

  /** When the server was last heard, in milliseconds of this page's clock. */
  heard = 0;

  /**
   * @param {string} path The live view's own path, such as "/live/main".
   * @param {string} name
   */
  constructor(path, name) {
    super();
    this.path = path;
    this.name = name;
  }

  /** Be there, by this name; again: by another name. */
  sit(name) {
    this.name = name;
    this.#retry.now();
  }

  /** The time by the server's clock, in seconds since 1970. */
  get now() {
    return Date.now() / 1000 + (this.#ahead ?? 0);
  }

  /** Try at once, if it waits to try again. */
  hurry() {
    this.#retry.hurry();
  }

  /**
   * Ask for something.
   * @returns {Promise<object>} What the server answered.
   * @throws {Unanswered} There was no answer.
   * @throws {Error} The server's own sentence, when it refuses.
   */
  async do(verb, more = {}) {
    let answer;
    let said;
    try {
      answer = await keyed(`${this.path}/do`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ verb, sent: this.now, ...more }),
        signal: AbortSignal.timeout(SLOW[verb] ?? ANSWERED),
      });
      said = await answer.text();
    } catch {
      throw new Unanswered(verb in SLOW);
    }
    if (answer.ok) return JSON.parse(said);
    let error = said;
    try {
      error = JSON.parse(said).error ?? said;
    } catch {
      // The door speaks plain text.
    }
    throw Object.assign(new Error(error), { code: answer.headers.get("X-Gloveport-Refusal") });
  }

  async #open() {
    this.#stop.abort();
    const { signal } = (this.#stop = new AbortController());
    const asked = new URLSearchParams({ name: this.name });
    this.#wait();
    try {
      for await (const [kind, data] of events(`${this.path}/events?${asked}`, signal)) {
        if (signal.aborted) return;
        this.#heard();
        if (kind === "open") {
          this.#retry.worked();
          this.dispatchEvent(new Event("begin"));
        } else if (kind === "beat") {
          // What was long on its way tells of less: the most is the nearest to the truth.
          this.#ahead = Math.max(this.#ahead ?? -Infinity, Number(data) - Date.now() / 1000);
        } else {
          this.dispatchEvent(new CustomEvent(kind, { detail: JSON.parse(data) }));
        }
      }
    } catch {
      // What the door says is asked for below.
    }
    if (!signal.aborted) this.#lost();
  }

  #heard() {
    this.heard = Date.now();
    this.#wait();
  }

  #wait() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(), SILENCE);
  }

  async #lost() {
    clearTimeout(this.#silence);
    this.#stop.abort();
    this.#retry.failed();
    this.dispatchEvent(new CustomEvent("lost", { detail: "" }));
    const { signal } = this.#stop;
    const why = await this.#why();
    if (why && signal === this.#stop.signal) this.dispatchEvent(new CustomEvent("lost", { detail: why }));
  }

  /** Why the door is shut, if it is: "signed_out", or its own words; an event stream cannot tell. */
  async #why() {
    try {
      const signal = AbortSignal.timeout(WHY);
      const answer = await keyed(`${this.path}/frames/0`, { signal });
      if (answer.status === 401) return "signed_out";
      return answer.status === 403 ? await answer.text() : "";
    } catch {
      return "";
    }
  }
}
