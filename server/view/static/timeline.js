/**
 * The pictures that were sent to agents and the checkpoints, in the order of time; looking back at
 * one of them.
 *
 * One of the list's marks can be reached by Tab; arrows, Home and End go along it. Events: "past"
 * when looking back begins or ends (`looking` says which).
 */

import { show } from "./key.js";
import { happened } from "./telling.js";
import { clock, say } from "./words.js";

const MOST = 240; // marks

export class Timeline extends EventTarget {
  looking = false;
  #path;
  #list = document.querySelector("#ticks");
  #picture = document.querySelector("#picture");
  #hint;
  #frames = new Map();
  #checkpoints = [];
  #marks = [];
  #chosen = "";
  #before = null;
  #ring = document.querySelector("#past_ring");
  #ago = document.querySelector("#before");
  #small = document.querySelector("#preview");
  #flipped = false;

  /** The screenshot's size, in whose pixels places are told. */
  size = [0, 0];

  /**
   * @param {string} path
   * @param {(text: string) => void} hint Says something over the screen.
   */
  constructor(path, hint) {
    super();
    this.#path = path;
    this.#hint = hint;
    this.#list.addEventListener("keydown", event => this.#key(event));
    document.querySelector("#earlier").addEventListener("click", () => this.step(-1));
    document.querySelector("#later").addEventListener("click", () => this.step(1));
    document.querySelector("#present").addEventListener("click", () => this.present());
    this.#picture.addEventListener("error", () => this.looking && this.#hint(say("picture_gone")));
    this.#picture.addEventListener("load", () => {
      this.#hint("");
      this.#encircle();
    });
    this.#ago.addEventListener("click", () => this.#flip());
    this.#list.addEventListener("pointerover", ({ target }) => this.#preview(target.dataset?.key));
    this.#list.addEventListener("pointerout", () => this.#preview(""));
  }

  begin() {
    this.#before = new Set(this.#frames.keys());
  }

  settle() {
    for (const key of this.#before ?? []) this.#frames.delete(key);
    this.#before = null;
    this.draw();
  }

  add(happening) {
    const { ended, frame, when, ms, who, ok, what: tool, to } = happening;
    const at = tool === "zoom" ? null : (to ?? happening.at);
    if (!ended || !frame) return;
    const key = `f${frame}`;
    this.#before?.delete(key);
    const what = `${who.name}: ${happened(happening)}`;
    const src = `${this.#path}/frames/${frame}`;
    const kind = ok ? "frame" : "bad";
    this.#frames.set(key, { key, kind, when: when + ms / 1000, what, src, at });
    if (this.#frames.size > MOST) this.#frames.delete(this.#frames.keys().next().value);
    if (!this.#before) this.draw();
  }

  checkpoints(made) {
    this.#checkpoints = made.map(({ name, when, note }) => ({
      key: `c${name}`,
      kind: "checkpoint",
      when,
      what: `${say("checkpoint")} ${note || name}`,
      src: `${this.#path}/checkpoints/${encodeURIComponent(name)}`,
    }));
    this.draw();
  }

  /** Look back at a picture, by the key of its mark. */
  look(key) {
    const mark = this.#marks.find(one => one.key === key);
    if (!mark) return;
    this.#chosen = key;
    this.#flipped = false;
    this.#ago.hidden = !this.#earlier(mark);
    this.#ago.ariaPressed = "false";
    this.#ring.hidden = true;
    show(this.#picture, mark.src);
    this.#picture.alt = mark.what;
    this.#picture.hidden = false;
    document.querySelector("#past_when").textContent = clock(mark.when);
    document.querySelector("#past_what").textContent = mark.what;
    this.#tell(true);
    this.#choose();
  }

  /** Look at the next or the one before; after the last comes the present. */
  step(by) {
    const at = this.#marks.findIndex(one => one.key === this.#chosen);
    const next = this.#marks[at + by];
    if (next) this.look(next.key);
    else if (by > 0) this.present();
  }

  present() {
    if (!this.looking) return;
    this.#chosen = "";
    this.#picture.hidden = this.#ring.hidden = true;
    show(this.#picture, "");
    this.#hint("");
    this.#tell(false);
    this.#choose();
  }

  /** The picture that was sent before this one. */
  #earlier(mark) {
    return this.#marks.slice(0, this.#marks.indexOf(mark)).findLast(one => one.kind !== "checkpoint");
  }

  /** Show what there was before the action, or after it again. */
  #flip() {
    const mark = this.#marks.find(one => one.key === this.#chosen);
    const earlier = mark && this.#earlier(mark);
    if (!earlier) return;
    this.#flipped = !this.#flipped;
    this.#ago.ariaPressed = String(this.#flipped);
    show(this.#picture, this.#flipped ? earlier.src : mark.src);
  }

  /** Draw where the action was, on a picture of the whole screen: of a part it is not known. */
  #encircle() {
    const at = this.#marks.find(one => one.key === this.#chosen)?.at;
    const [wide, high] = this.size;
    const { naturalWidth, naturalHeight } = this.#picture;
    this.#ring.hidden = !at || naturalWidth !== wide || naturalHeight !== high;
    if (this.#ring.hidden) return;
    this.#ring.style.left = `${(100 * (at[0] + 0.5)) / wide}%`;
    this.#ring.style.top = `${(100 * (at[1] + 0.5)) / high}%`;
  }

  #preview(key) {
    const mark = this.#marks.find(one => one.key === key);
    this.#small.hidden = !mark;
    show(this.#small, mark?.src ?? "");
  }

  draw() {
    const marks = [...this.#frames.values(), ...this.#checkpoints];
    this.#marks = marks.sort((one, other) => one.when - other.when);
    const old = new Map(Array.from(this.#list.children, node => [node.dataset.key, node]));
    const end = this.#list.scrollLeft + this.#list.clientWidth >= this.#list.scrollWidth - 20;
    const nodes = this.#marks.map(mark => write(old.get(mark.key) ?? this.#node(mark.key), mark));
    if (nodes.some((node, place) => node !== this.#list.children[place])) {
      this.#list.replaceChildren(...nodes);
    }
    while (this.#list.children.length > nodes.length) this.#list.lastChild.remove();
    if (end) this.#list.scrollLeft = this.#list.scrollWidth;
    document.querySelector("#first").textContent = marks.length ? clock(this.#marks[0].when) : "";
    this.#choose();
  }

  #node(key) {
    const node = document.createElement("li");
    node.role = "option";
    node.dataset.key = key;
    node.addEventListener("click", () => this.look(key));
    return node;
  }

  #choose() {
    const reached = this.#chosen || this.#marks.at(-1)?.key;
    for (const node of this.#list.children) {
      node.tabIndex = node.dataset.key === reached ? 0 : -1;
      node.ariaSelected = String(node.dataset.key === this.#chosen);
    }
  }

  #key(event) {
    const keys = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity, Enter: 0, " ": 0 };
    if (!(event.key in keys) || !this.#marks.length) return;
    event.preventDefault();
    const at = this.#marks.findIndex(one => one.key === event.target.dataset.key);
    const next = Math.max(0, Math.min(this.#marks.length - 1, at + keys[event.key]));
    this.look(this.#marks[next].key);
    this.#list.children[next].focus();
  }

  #tell(looking) {
    const changed = looking !== this.looking;
    this.looking = looking;
    if (changed) this.dispatchEvent(new Event("past"));
  }
}

function write(node, { kind, when, what }) {
  const label = `${clock(when)} ${what}`;
  if (node.dataset.kind !== kind) node.dataset.kind = kind;
  if (node.title !== label) {
    node.title = label;
    node.ariaLabel = label;
  }
  return node;
}
