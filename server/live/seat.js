/**
 * This page's place at the desktop: its id, its name, the stream of what happens, and its requests.
 *
 * Events: "begin" (a stream is open: all that is known comes again), "state" and "happening" (their
 * detail is what the server sent), "lost" (detail: why, if the server said so).
 */

import { Retry } from "./retry.js";

const SILENCE = 40_000; // milliseconds; the server gives a sign of life every 15 s

export class Seat extends EventTarget {
  #source = null;
  #retry = new Retry(() => this.#open());
  #silence = 0;

  /**
   * @param {string} path The live view's own path, such as "/live/main".
   * @param {string} viewer
   * @param {string} name
   */
  constructor(path, viewer, name) {
    super();
    this.path = path;
    this.viewer = viewer;
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
    const answer = await fetch(`${this.path}/do?viewer=${this.viewer}`, {
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

  #open() {
    this.#source?.close();
    const asked = new URLSearchParams({ viewer: this.viewer, name: this.name });
    const source = (this.#source = new EventSource(`${this.path}/events?${asked}`));
    const pass = kind =>
      source.addEventListener(kind, event => {
        this.#heard();
        this.dispatchEvent(new CustomEvent(kind, { detail: JSON.parse(event.data) }));
      });
    source.addEventListener("open", () => {
      this.#retry.worked();
      this.#heard();
      this.dispatchEvent(new Event("begin"));
    });
    pass("happening");
    pass("state");
    source.addEventListener("beat", () => this.#heard());
    source.addEventListener("error", () => this.#lost());
    this.#heard();
  }

  #heard() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(), SILENCE);
  }

  async #lost() {
    clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = null;
    this.#retry.failed();
    this.dispatchEvent(new CustomEvent("lost", { detail: await this.#why() }));
  }

  /** Why the door is shut, if it says so; an event stream cannot tell. */
  async #why() {
    try {
      const answer = await fetch(`${this.path}/frames/0`);
      return answer.status === 401 || answer.status === 403 ? await answer.text() : "";
    } catch {
      return "";
    }
  }
}

/**
 * The id of this tab, the same after it is loaded again. A tab that was made as a copy of another
 * has the other's id; a lock, which one page can hold at a time, tells.
 */
export async function viewer() {
  const kept = sessionStorage.getItem("gloveport.viewer");
  const id = kept && (await mine(kept)) ? kept : fresh();
  if (id !== kept) await mine(id);
  sessionStorage.setItem("gloveport.viewer", id);
  return id;
}

function fresh() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
}

function mine(id) {
  if (!navigator.locks) return Promise.resolve(true); // not over plain HTTP from another machine
  return new Promise(resolve => {
    const held = () => {
      resolve(true);
      return new Promise(() => {}); // until the page goes
    };
    const limit = { signal: AbortSignal.timeout(600) }; // a page that is loaded again lets go late
    navigator.locks.request(`gloveport.${id}`, limit, held).catch(() => resolve(false));
  });
}
