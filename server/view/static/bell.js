/** Tells somebody who looks elsewhere that something is asked: a sound, the title, a badge. */

import { asked } from "./telling.js";

const KEPT = "gloveport.mute";
const NOTES = [660, 880]; // hertz

export class Bell {
  muted = localStorage.getItem(KEPT) === "yes";
  #sound = null;
  #known = new Set();
  #icon = document.querySelector("link[rel=icon]");

  constructor() {
    // Browsers let a page make a sound once somebody has used it.
    const wake = () => {
      this.#sound ??= new AudioContext();
      this.#sound.resume();
    };
    addEventListener("pointerdown", wake, { once: true });
    addEventListener("keydown", wake, { once: true, capture: true });
  }

  mute(muted) {
    this.muted = muted;
    localStorage.setItem(KEPT, muted ? "yes" : "no");
    // Whoever wants to hear it may want to see it from other windows, too; the browser asks once.
    if (!muted && globalThis.Notification?.permission === "default") Notification.requestPermission();
  }

  /**
   * @param {{id: string, text: string}[]} open All questions.
   * @param {string} title The page's title without any.
   * @returns {{id: string, text: string}[]} Those that are new.
   */
  ring(open, title) {
    const fresh = open.filter(({ id }) => !this.#known.has(id));
    this.#known = new Set(open.map(({ id }) => id));
    document.title = open.length ? `(${open.length}) ${asked(open[0])} · ${title}` : title;
    const icon = this.#icon.href.replace(/icon(-asks)?\.svg/, open.length ? "icon-asks.svg" : "icon.svg");
    if (icon !== this.#icon.href) this.#icon.href = icon;
    // Only pages that were installed have a badge, and a browser may refuse it.
    navigator.setAppBadge?.(open.length).catch(() => {});
    if (fresh.length && !this.muted) this.#play();
    if (document.hidden && !this.muted) fresh.forEach(one => this.#notify(one));
    return fresh;
  }

  #notify(question) {
    if (globalThis.Notification?.permission !== "granted") return;
    const { id, asked_by: who } = question;
    const shown = new Notification(who, { body: asked(question), tag: id });
    shown.addEventListener("click", () => {
      window.focus();
      shown.close();
    });
  }

  #play() {
    if (this.#sound?.state !== "running") return;
    NOTES.forEach((pitch, place) => {
      const start = this.#sound.currentTime + 0.16 * place;
      const tone = new OscillatorNode(this.#sound, { frequency: pitch });
      const loud = new GainNode(this.#sound, { gain: 0 });
      loud.gain.linearRampToValueAtTime(0.12, start + 0.02);
      loud.gain.exponentialRampToValueAtTime(0.0005, start + 0.4);
      tone.connect(loud).connect(this.#sound.destination);
      tone.start(start);
      tone.stop(start + 0.42);
    });
  }
}
