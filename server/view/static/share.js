/** Links for others: what they allow, for how long, and taking them back. */

import { keyed } from "./key.js";
import { qr } from "./qr.js";
import { clock, say } from "./words.js";

const HERE = /^(localhost|127\.|\[::1\])/; // hosts that are no other computer's
const part = name => document.querySelector(`#share_${name}`);

export class Sharing {
  #path;
  #dialog = document.querySelector("#share");

  /** @param {string} path The live view's own path. */
  constructor(path) {
    this.#path = path;
    part("make").addEventListener("click", () => this.#make());
    part("copy").addEventListener("click", () => {
      part("link").select();
      navigator.clipboard?.writeText(part("link").value).catch(() => {});
    });
    part("close").addEventListener("click", () => this.#dialog.close());
  }

  open(may) {
    part("control").disabled = !may;
    for (const name of ["made", "code", "here"]) part(name).hidden = true;
    part("why").textContent = "";
    this.#dialog.showModal();
    this.#list();
  }

  async #make() {
    const scope = part("scope").value;
    const hours = Number(part("hours").value);
    const answer = await this.#post("share", { scope, hours });
    if (!answer) return;
    part("link").value = new URL(answer.path, location.href).href;
    part("made").hidden = false;
    const here = HERE.test(location.hostname);
    const picture = here ? null : qr(part("link").value);
    part("code").replaceChildren(...(picture ? [picture] : []));
    part("code").hidden = !picture;
    part("here").hidden = !here;
    part("link").select();
    this.#list();
  }

  async #list() {
    const answer = await keyed(`${this.#path}/shares`);
    const made = answer.ok ? await answer.json() : [];
    part("list").replaceChildren(...made.map(one => this.#row(one)));
  }

  #row({ id, scope, until, used }) {
    const row = document.createElement("li");
    const told = say("share_row", {
      scope: say(`share_${scope}`),
      until: clock(until),
      used: say(used ? "share_used" : "share_unused"),
    });
    const end = document.createElement("button");
    end.type = "button";
    end.textContent = say("share_revoke");
    end.setAttribute("aria-label", `${say("share_revoke")}: ${told}`);
    end.addEventListener("click", async () => {
      if (await this.#post("unshare", { id })) this.#list();
    });
    row.append(told, end);
    return row;
  }

  async #post(verb, given) {
    part("why").textContent = "";
    try {
      const answer = await keyed(`${this.#path}/${verb}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(given),
      });
      const told = await answer.json();
      if (answer.ok) return told;
      part("why").textContent = told.error;
    } catch {
      part("why").textContent = say("no_answer_verb");
    }
    return null;
  }
}
