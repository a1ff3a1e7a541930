/** What agents ask people: a card each, with the answers as buttons. Events: "answer", "take". */

import { say } from "./words.js";

export class Questions extends EventTarget {
  open = [];
  #place = document.querySelector("#questions");
  #cards = new Map();
  #ticking = 0;

  /** @param {boolean} may Whether this person may answer. */
  show(questions, may) {
    this.open = questions;
    const ids = new Set(questions.map(one => one.id));
    for (const [id, card] of this.#cards) {
      if (!ids.has(id)) {
        card.remove();
        this.#cards.delete(id);
      }
    }
    for (const question of questions) {
      if (this.#cards.has(question.id)) continue;
      const card = this.#card(question, may);
      this.#cards.set(question.id, card);
      this.#place.append(card);
    }
    this.#place.hidden = !questions.length;
    clearInterval(this.#ticking);
    if (questions.length) this.#ticking = setInterval(() => this.#tick(), 1000);
    this.#tick();
  }

  /** Write all cards anew, in another language. */
  redraw(may) {
    const open = this.open;
    this.show([], may);
    this.show(open, may);
  }

  #card(question, may) {
    const { id, kind, text, choices, asked_by: who, rule } = question;
    const card = document.createElement("article");
    // Who asks is said by the page alone: an agent's words stand in a quotation of another look.
    card.className = rule ? "of_policy" : "of_agent";
    const title = element("h2", rule ? say("policy_asked", { rule }) : say(`${kind}_asked`, { who }));
    title.id = `asked_${id}`;
    card.setAttribute("aria-labelledby", title.id);
    const said = element(rule ? "p" : "blockquote", text);
    const left = element("span", "", "left");
    const head = element("header", "");
    head.append(title, left);
    card.append(head, said);
    if (may) card.append(...this.#answers(id, kind, choices ?? []));
    return card;
  }

  #answers(id, kind, choices) {
    const answer = (text, approved) => () =>
      this.dispatchEvent(new CustomEvent("answer", { detail: { id, text, approved } }));
    const row = element("div", "", "choices");
    switch (kind) {
      case "approve":
        row.append(
          button(say("approve"), answer("", true), "strong"),
          button(say("refuse"), answer("", false), "danger"),
        );
        return [row];
      case "login":
      case "captcha":
        row.append(
          button(say("take"), () => this.dispatchEvent(new Event("take")), "strong"),
          button(say("done"), answer("", true)),
          button(say("cannot"), answer("", false)),
        );
        return [row];
      default:
        return this.#open(choices, answer);
    }
  }

  /** Choices, if there are any, and a field for other words. */
  #open(choices, answer) {
    const none = button(say("no_answer"), answer("", false), "plain");
    const row = element("div", "", "choices");
    const form = element("form", "", "words");
    const field = document.createElement("input");
    field.type = "text";
    field.required = true;
    field.maxLength = 1000;
    field.autocomplete = "off";
    field.placeholder = field.ariaLabel = say("or_say");
    form.append(field, element("button", say("send")));
    form.addEventListener("submit", event => {
      event.preventDefault();
      answer(field.value.trim(), true)();
    });
    if (!choices.length) {
      form.append(none);
      return [form];
    }
    row.append(...choices.map(choice => button(choice, answer(choice, true))), none);
    return [row, form];
  }

  #tick() {
    for (const { id, until } of this.open) {
      const seconds = Math.max(0, Math.round(until - Date.now() / 1000));
      const left = seconds < 60 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
      this.#cards.get(id).querySelector(".left").textContent = say("expires", { left });
    }
  }
}

function element(tag, text, kind = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function button(text, press, kind = "") {
  const made = element("button", text, kind);
  made.type = "button";
  made.addEventListener("click", press);
  return made;
}
