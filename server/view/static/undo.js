/** The checkpoints, and the way back to one, which is asked about once more. */

import { ask } from "./ask.js";
import { show } from "./key.js";
import { clock, say } from "./words.js";

export class Undo extends EventTarget {
  #path;
  #list = document.querySelector("#checkpoints");
  #told = "";
  #seen = new IntersectionObserver(entries => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      this.#seen.unobserve(target);
      show(target, target.dataset.path);
    }
  });

  constructor(path) {
    super();
    this.#path = path;
  }

  /** @param {boolean} may Whether this person may roll back. */
  show(made, may) {
    document.querySelector("#undo_count").textContent = made.length || "";
    document.querySelector("#no_undo").hidden = made.length > 0;
    const told = JSON.stringify([made, may, document.documentElement.lang]);
    if (told === this.#told) return; // what has the focus keeps it
    this.#told = told;
    this.#seen.disconnect();
    this.#list.replaceChildren(...made.toReversed().map(one => this.#row(one, may)));
  }

  #row({ name, when, note, automatic }, may) {
    const row = document.createElement("li");
    const picture = document.createElement("img");
    picture.alt = "";
    picture.dataset.path = `${this.#path}/checkpoints/${encodeURIComponent(name)}`;
    this.#seen.observe(picture);
    const look = document.createElement("button");
    look.type = "button";
    look.className = "line";
    const time = document.createElement("time");
    time.textContent = clock(when);
    const text = document.createElement("span");
    text.textContent = note || (automatic ? say("automatic") : name);
    look.append(picture, time, text);
    look.addEventListener("click", () =>
      this.dispatchEvent(new CustomEvent("look", { detail: name })),
    );
    const back = document.createElement("button");
    back.type = "button";
    back.textContent = say("roll_back");
    back.ariaLabel = say("roll_back_to", { when: `${clock(when)} ${note || name}` });
    back.disabled = !may;
    back.addEventListener("click", () => this.#ask(name, when, picture.src));
    row.append(look, back);
    return row;
  }

  async #ask(name, when, picture) {
    const answer = await ask({
      title: say("ask_rollback", { when: clock(when) }),
      text: say("ask_rollback_text"),
      yes: say("roll_back"),
      picture,
      danger: true,
    });
    if (answer !== null) this.dispatchEvent(new CustomEvent("rollback", { detail: name }));
  }
}
