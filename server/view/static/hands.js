/**
 * What a person brings along: their clipboard by Ctrl+V (or Cmd+V), files that are dropped on the
 * screen. And how large they see it.
 */

import { keyed } from "./key.js";
import { say } from "./words.js";

const MOST = 10_000_000; // bytes of a file, as the server takes
const SIZES = ["fit", "actual"];
const KEPT = "gloveport.size";
const $ = id => document.getElementById(id);

/** Paste the person's own clipboard while they drive.
 *
 * @param {() => boolean} driving
 * @param {(text: string, shift: boolean) => void} paste
 * @param {(files: FileList) => void} put Takes files that were pasted.
 */
export function pasting(driving, paste, put) {
  let shift = false;
  const elsewhere = () => document.activeElement?.matches("input, dialog *");
  // Before noVNC, which would keep the browser from pasting; the paste itself comes as an event.
  addEventListener(
    "keydown",
    event => {
      const meant = (event.ctrlKey || event.metaKey) && !event.altKey && event.code === "KeyV";
      if (!meant || !driving() || elsewhere()) return;
      shift = event.shiftKey;
      event.stopImmediatePropagation();
    },
    { capture: true },
  );
  addEventListener("paste", event => {
    if (!driving() || elsewhere()) return;
    event.preventDefault();
    const { files } = event.clipboardData;
    const text = event.clipboardData.getData("text/plain");
    if (text) paste(text, shift);
    else if (files.length) put(files);
  });
}

/** Put files that are dropped on the screen into the desktop's ~/Downloads.
 *
 * @param {() => boolean} may
 * @param {(files: FileList) => void} put
 */
export function dropping(may, put) {
  const stage = $("stage");
  const over = on => stage.classList.toggle("dropping", on);
  addEventListener("dragover", event => {
    event.preventDefault(); // or the browser would open the file in place of this page
    const inside = may() && stage.contains(event.target);
    event.dataTransfer.dropEffect = inside ? "copy" : "none";
    over(inside);
  });
  addEventListener("dragleave", event => event.relatedTarget ?? over(false));
  addEventListener("drop", event => {
    event.preventDefault();
    over(false);
    if (may() && stage.contains(event.target)) put(event.dataTransfer.files);
  });
}

/** Send a file.
 *
 * @returns {Promise<string>} Where it is on the desktop.
 * @throws {Error} Why it is not there.
 */
export async function send(path, file) {
  if (file.size > MOST) throw new Error(say("file_large", { name: file.name }));
  const content = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Error(say("file_unread", { name: file.name })));
    reader.readAsDataURL(file);
  });
  const answer = await keyed(`${path}/files`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name: file.name, content }),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told.path;
}

/** How large the screen is shown, whether it fills the display, and whether the side is folded. */
export class Sizes {
  #size = SIZES.includes(localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : "fit";

  constructor() {
    $("actual").addEventListener("click", () => this.#show(this.#size === "fit" ? "actual" : "fit"));
    $("full").hidden = !document.fullscreenEnabled;
    $("full").addEventListener("click", () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else document.querySelector(".watch").requestFullscreen().catch(() => {});
    });
    $("fold").addEventListener("click", () => {
      document.body.classList.toggle("folded");
      this.draw();
    });
    document.addEventListener("fullscreenchange", () => this.draw());
    this.#show(this.#size);
  }

  #show(size) {
    this.#size = size;
    localStorage.setItem(KEPT, size);
    this.draw();
  }

  draw() {
    const folded = document.body.classList.contains("folded");
    document.body.classList.toggle("actual", this.#size === "actual");
    $("actual").ariaPressed = String(this.#size === "actual");
    $("full").textContent = say(document.fullscreenElement ? "full_end" : "full");
    $("fold").textContent = say(folded ? "unfold" : "fold");
    $("fold").ariaExpanded = String(!folded);
  }
}
