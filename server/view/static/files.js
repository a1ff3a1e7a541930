/** Files of the desktop's ~/Downloads, for the person to keep. */

import { keyed } from "./key.js";
import { say } from "./words.js";

const part = name => document.querySelector(`#files_${name}`);
const UNITS = ["byte", "kilobyte", "megabyte"];

export class Files {
  #path;
  #dialog = document.querySelector("#files");

  /** @param {string} path The live view's own path. */
  constructor(path) {
    this.#path = `${path}/files`;
    part("close").addEventListener("click", () => this.#dialog.close());
  }

  async open() {
    part("list").replaceChildren();
    part("none").hidden = true;
    this.#dialog.showModal();
    const answer = await this.#get(this.#path);
    if (!answer) return;
    const files = await answer.json();
    part("none").hidden = files.length > 0;
    part("list").replaceChildren(...files.map(one => this.#row(one)));
  }

  #row({ name, size }) {
    const row = document.createElement("li");
    const take = document.createElement("button");
    take.type = "button";
    take.textContent = say("files_take");
    take.setAttribute("aria-label", `${say("files_take")}: ${name}`);
    take.addEventListener("click", () => this.#keep(name, take));
    row.append(`${name} (${amount(size)})`, take);
    return row;
  }

  async #keep(name, button) {
    button.disabled = true;
    const answer = await this.#get(`${this.#path}/${encodeURIComponent(name)}`);
    button.disabled = false;
    if (!answer) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  /** The answer, or null where there is none, which is said. */
  async #get(path) {
    part("why").textContent = "";
    try {
      const answer = await keyed(path);
      if (answer.ok) return answer;
      const told = await answer.text();
      part("why").textContent = told.startsWith("{") ? JSON.parse(told).error : told;
    } catch {
      part("why").textContent = say("no_answer_verb");
    }
    return null;
  }
}

function amount(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const style = { style: "unit", unit: UNITS[power], maximumFractionDigits: 1 };
  return (bytes / 1000 ** power).toLocaleString(document.documentElement.lang, style);
}
