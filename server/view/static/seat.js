/**
 * This page's place at the desktop: its name, the stream of what happens, and its requests. The
 * server knows whose page it is by the browser's session (key.js).
 *
 * Events: "begin" (a stream is open: all that is known comes again), "state" and "happening" (their
 * detail is what the server sent), "lost" (detail: why, if the server said so).
 */

import { events, keyed } from "./key.js";
import { Retry } from "./retry.js";

const SILENCE = 40_000; // milliseconds; the server gives a sign of life every 15 s

export class Seat extends EventTarget {
  #stop = new AbortController();
  #retry = new Retry(() => this.#open());
  #silence = 0;

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

  /** Try at once, if it waits to try again. */
  hurry() {
    this.#retry.hurry();
  }

  /**
   * Ask for something.
   * @returns {Promise<object>} What the server answered.
   * @throws {Error} The server's own sentence, when it refuses.
   */
  async do(verb, more = {}) {
    const answer = await keyed(`${this.path}/do`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ verb, ...more }),
    });
    const said = await answer.text();
    if (answer.ok) return JSON.parse(said);
    let error = said;
    try {
      error = JSON.parse(said).error ?? said;
    } catch {
      // The door speaks plain text.
    }
    throw new Error(error);
  }

  async #open() {
    this.#stop.abort();
    const { signal } = (this.#stop = new AbortController());
    const asked = new URLSearchParams({ name: this.name });
    this.#heard();
    try {
      for await (const [kind, data] of events(`${this.path}/events?${asked}`, signal)) {
        if (signal.aborted) return;
        this.#heard();
        if (kind === "open") {
          this.#retry.worked();
          this.dispatchEvent(new Event("begin"));
        } else if (kind !== "beat") {
          this.dispatchEvent(new CustomEvent(kind, { detail: JSON.parse(data) }));
        }
      }
    } catch {
      // What the door says is asked for below.
    }
    if (!signal.aborted) this.#lost();
  }

  #heard() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(), SILENCE);
  }

  async #lost() {
    clearTimeout(this.#silence);
    this.#stop.abort();
    this.#retry.failed();
    this.dispatchEvent(new CustomEvent("lost", { detail: await this.#why() }));
  }

  /** Why the door is shut, if it says so. */
  async #why() {
    try {
      const answer = await keyed(`${this.path}/frames/0`);
      return answer.status === 401 || answer.status === 403 ? await answer.text() : "";
    } catch {
      return "";
    }
  }
}
