/** An attempt that is made again after a failure: soon at first, then ever more rarely. */

const FIRST = 500; // milliseconds
const LONGEST = 8000;

export class Retry {
  #attempt;
  #delay = FIRST;
  #timer = 0;

  /** @param {() => void} attempt */
  constructor(attempt) {
    this.#attempt = attempt;
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
  }

  /** It went wrong: try again later. A little chance keeps many pages from coming all at once. */
  failed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.now(), this.#delay * (0.8 + 0.4 * Math.random()));
    this.#delay = Math.min(2 * this.#delay, LONGEST);
  }

  worked() {
    this.#delay = FIRST;
  }

  now() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#attempt();
  }

  /** Do not wait any longer, if that is what it does. */
  hurry() {
    if (this.#timer) this.now();
  }
}
