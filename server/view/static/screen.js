/**
 * The desktop's screen: by noVNC, or, where that is not installed, as still pictures.
 *
 * Events: "status" (detail: "connecting", "live", "stills" or "lost").
 */

import { keyed, protocols } from "./key.js";
import { Retry } from "./retry.js";

const BETWEEN_STILLS = 500; // milliseconds

export class Screen extends EventTarget {
  status = "connecting";
  trouble = "";
  #target = document.querySelector("#screen");
  #stale = document.querySelector("#stale");
  #still = document.querySelector("#still");
  #RFB = null;
  #rfb = null;
  #driving = false;
  #url;
  #path;
  #retry = new Retry(() => this.#connect());

  constructor(path) {
    super();
    this.#path = path;
    this.#url = new URL(`${path}/rfb`, location.href);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
  }

  /** Show the screen from now on. */
  async open() {
    try {
      this.#RFB = (await import("./novnc/core/rfb.js")).default;
    } catch {
      this.#tell("stills");
      this.#showStills();
      return;
    }
    this.#connect();
  }

  /** Whether this page's keys and pointer go to the desktop. The server asks itself, too. */
  drive(driving) {
    this.#driving = driving;
    if (!this.#rfb) return;
    this.#rfb.viewOnly = !driving;
    if (driving) this.#rfb.focus();
    else this.#rfb.blur();
  }

  focus() {
    if (this.#driving) this.#rfb?.focus({ preventScroll: true });
  }

  blur() {
    this.#rfb?.blur();
  }

  hurry() {
    this.#retry.hurry();
  }

  /** Press and release a key; noVNC keeps quiet while the page only watches. */
  press(keysym) {
    this.#rfb?.sendKey(keysym, null);
  }

  #connect() {
    this.#drop();
    if (this.status !== "lost") this.#tell("connecting");
    const rfb = new this.#RFB(this.#target, this.#url.href, {
      shared: true,
      wsProtocols: protocols(),
    });
    this.#rfb = rfb;
    rfb.scaleViewport = true;
    rfb.background = "transparent";
    rfb.viewOnly = !this.#driving;
    const canvas = this.#target.querySelector("canvas");
    let connected = false;
    rfb.addEventListener("connect", () => {
      connected = true;
      this.#retry.worked();
      this.#stale.replaceChildren();
      this.#tell("live");
      this.focus();
    });
    rfb.addEventListener("clipboard", ({ detail }) => {
      // What is copied there can be pasted here, where the browser lets it.
      if (this.#driving) navigator.clipboard?.writeText(detail.text).catch(() => {});
    });
    rfb.addEventListener("disconnect", () => {
      if (rfb !== this.#rfb) return;
      this.#rfb = null;
      if (connected && canvas) this.#keep(canvas);
      this.#tell("lost");
      this.#retry.failed();
    });
  }

  #drop() {
    const old = this.#rfb;
    this.#rfb = null;
    old?.disconnect();
  }

  /** What was last seen stays, dimmed, until there is a newer picture. */
  #keep(canvas) {
    canvas.removeAttribute("style");
    canvas.tabIndex = -1;
    this.#stale.replaceChildren(canvas);
  }

  async #showStills() {
    this.#still.hidden = false;
    for (;;) {
      if (!document.hidden) await this.#showStill();
      await new Promise(resolve => setTimeout(resolve, BETWEEN_STILLS));
    }
  }

  async #showStill() {
    let trouble = "";
    try {
      const answer = await keyed(`${this.#path}/screen`);
      if (answer.ok) {
        const shown = URL.createObjectURL(await answer.blob());
        this.#still.src = shown;
        await this.#still.decode();
        URL.revokeObjectURL(shown);
      } else {
        trouble = await answer.text();
      }
    } catch (why) {
      trouble = why.message;
    }
    if (trouble !== this.trouble) {
      this.trouble = trouble;
      this.#tell("stills");
    }
  }

  #tell(status) {
    this.status = status;
    this.dispatchEvent(new CustomEvent("status", { detail: status }));
  }
}
