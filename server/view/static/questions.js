/**
 * What agents ask people: a card each, with the answers as buttons. Events: "take".
 *
 * A press counts only on what has stood still under the pointer for a moment: a card that was
 * answered stays where it is, and buttons that appeared or moved are dead at first. So a double click
 * never answers a second question.
 */

import { show } from "./key.js";
import { asked } from "./telling.js";
import { clock, say, span } from "./words.js";

const DEAD = 700; // milliseconds; a slow double click takes 500
const STAYS = 2500; // milliseconds an answered card stays where it is
const LOOKED_AT = 100; // milliseconds between two looks at where the cards are

export class Questions extends EventTarget {
  open = [];
  #place = document.querySelector("#questions");
  #cards = new Map();
  #path;
  #answer;
  #now;
  #may = false;

  /**
   * @param {string} path The live view's own path.
   * @param {(answer: object) => Promise<boolean>} answer Sends an answer; whether it was taken.
   * @param {() => number} now The server's time, in seconds since 1970.
   */
  constructor(path, answer, now) {
    super();
    this.#path = path;
    this.#answer = answer;
    this.#now = now;
    setInterval(() => this.#look(), LOOKED_AT);
  }

  /** Those that somebody waits for. */
  get waiting() {
    return this.open.filter(({ asker }) => asker === "waiting" || asker === "client");
  }

  /** @param {boolean} may Whether this person may answer. */
  show(questions, may) {
    this.#may = may;
    this.open = questions;
    const ids = new Set(questions.map(one => one.id));
    for (const [id, card] of this.#cards) {
      if (!ids.has(id) && !card.over) this.#close(id, say("answered_elsewhere"));
    }
    for (const question of this.#sorted(questions)) {
      let card = this.#cards.get(question.id);
      if (!card) {
        card = this.#card(question);
        this.#cards.set(question.id, card);
      }
      card.question = question;
    }
    this.#order();
    this.tick();
  }

  /** Write all cards anew, in another language. */
  redraw(may) {
    for (const { node } of this.#cards.values()) node.remove();
    this.#cards.clear();
    this.show(this.open, may);
  }

  /** Go to the first question that somebody waits for. */
  focus() {
    const first = [...this.#cards.values()].find(card => !card.over);
    first?.node.focus();
    first?.node.scrollIntoView({ block: "nearest" });
  }

  /** Write what changes with time. */
  tick() {
    const open = [...this.#cards.values()].filter(card => !card.over);
    open.forEach(({ node, question }, place) => {
      const { until, asker, asked_by: who, waited_until: waited } = question;
      const stopped = { who, for: span(this.#now() - waited) };
      const left = say("expires", { for: span(until - this.#now()) });
      const of = open.length > 1 ? `${say("card_of", { at: place + 1, of: open.length })} · ` : "";
      write(node.querySelector(".left"), of + left);
      write(node.querySelector(".asker"), say(`asker_${asker}`, stopped));
      this.#show(node, question);
      node.classList.toggle("idle", asker === "gave_up" || asker === "gone");
    });
  }

  /** The place it is about, once there is a picture of it. */
  #show(node, { id, ring }) {
    if (!ring || node.querySelector(".evidence")) return;
    const frame = element("div", "", "evidence");
    const picture = document.createElement("img");
    picture.alt = say("where_ringed");
    show(picture, `${this.#path}/questions/${id}`);
    const mark = element("span", "", "ring");
    mark.style.left = `${100 * ring[0]}%`;
    mark.style.top = `${100 * ring[1]}%`;
    frame.append(picture, mark);
    node.querySelector(".facts").before(frame);
  }

  /** Those that somebody waits for first, the oldest before the others. */
  #sorted(questions) {
    const idle = ({ asker }) => Number(asker === "gave_up" || asker === "gone");
    return questions.toSorted((one, other) => idle(one) - idle(other) || one.since - other.since);
  }

  /** Put the cards in order; answered ones stay where they are. */
  #order() {
    const sorted = this.#sorted(this.open).map(({ id }) => this.#cards.get(id).node);
    const nodes = [...this.#place.children];
    const kept = nodes.filter(node => !sorted.includes(node));
    for (const node of kept) sorted.splice(nodes.indexOf(node), 0, node);
    if (sorted.some((node, place) => node !== this.#place.children[place])) {
      this.#place.append(...sorted);
    }
    this.#place.hidden = !this.#cards.size;
    this.#look();
  }

  /** See which cards have moved: their buttons are dead for a moment. */
  #look() {
    const now = performance.now();
    for (const card of this.#cards.values()) {
      const { left, top } = card.node.getBoundingClientRect();
      if (card.left !== left || card.top !== top) {
        Object.assign(card, { left, top, moved: now });
      }
      const dead = card.over || now < card.moved + DEAD;
      if (card.dead === dead) continue;
      card.dead = dead;
      card.node.classList.toggle("dead", dead && !card.over);
      for (const button of card.node.querySelectorAll("button")) button.disabled = dead;
    }
  }

  /** Whether a press of a card's button is meant for it. */
  #meant(card, event) {
    this.#look();
    return !card.dead && event.detail <= 1;
  }

  #card(question) {
    const { id, kind, choices, asked_by: who, rule, since, site } = question;
    const node = document.createElement("article");
    const card = { node, question, over: false, dead: null, moved: 0, left: NaN, top: NaN };
    // Who asks is said by the page alone: an agent's words stand in a quotation of another look.
    node.className = rule ? "of_policy" : "of_agent";
    node.tabIndex = -1;
    const title = element("h2", say(rule ? "policy_by" : `${kind}_asked`, { who }));
    title.id = `asked_${id}`;
    const said = element(rule ? "p" : "blockquote", asked(question));
    said.id = `text_${id}`;
    node.setAttribute("aria-labelledby", `${title.id} ${said.id}`);
    const head = element("header", "");
    head.append(title, element("span", "", "left"));
    const facts = element("p", "", "facts");
    facts.append(element("span", "", "asker"), element("span", say("asked_at", { when: clock(since) })));
    if (rule) facts.append(element("span", say("policy_rule", { rule })));
    node.append(head, said);
    node.append(facts);
    if (this.#may && question.yours) {
      node.append(...this.#answers(card, kind, choices ?? [], site ?? ""));
    } else {
      node.append(element("p", say("may_not_answer"), "facts"));
    }
    node.addEventListener("keydown", event => this.#key(card, event));
    return card;
  }

  async #give(card, answer, told) {
    const { id, asker, asked_by: who } = card.question;
    card.over = true;
    this.#look();
    const said = element("p", say("sending"), "said");
    said.role = "status";
    card.node.append(said);
    const taken = await this.#answer({ id, ...answer });
    if (!taken) {
      said.remove();
      card.over = false;
      this.#look();
      return;
    }
    const heard = asker === "waiting" || asker === "client";
    this.#close(id, heard ? told : say("not_heard", { who }));
  }

  /** A card's question is over: it stays for a moment, and the focus goes to the next. */
  #close(id, told) {
    const card = this.#cards.get(id);
    card.over = true;
    card.node.classList.add("over");
    for (const field of card.node.querySelectorAll("input")) field.disabled = true;
    const said = card.node.querySelector(".said") ?? element("p", "", "said");
    said.textContent = told;
    card.node.append(said);
    const focused = card.node.contains(document.activeElement) || document.activeElement === document.body;
    this.#look();
    if (focused) this.focus();
    setTimeout(() => {
      card.node.remove();
      this.#cards.delete(id);
      this.#order();
      this.tick();
    }, STAYS);
  }

  #key(card, event) {
    const typing = event.target.matches("input");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const wanted = { y: ".yes", n: ".no" }[event.key.toLowerCase()];
    const button = wanted && card.node.querySelector(wanted);
    if (!button || !this.#meant(card, event)) return;
    event.preventDefault();
    button.click();
  }

  #answers(card, kind, choices, site) {
    const { id } = card.question;
    const give = (answer, told) => event => {
      if (this.#meant(card, event)) this.#give(card, answer(), told);
    };
    const button = (text, answer, told, kind = "") => {
      const made = element("button", text, kind);
      made.type = "button";
      made.setAttribute("aria-describedby", `asked_${id} text_${id}`);
      made.addEventListener("click", give(answer, told));
      return made;
    };
    const row = element("div", "", "choices");
    if (kind === "approve") {
      const reason = words(say("reason"));
      const yes = more => () => ({ text: "", approved: true, ...more });
      row.append(
        button(say("approve"), yes({}), say("approved"), "strong yes"),
        button(
          say("refuse"),
          () => ({ text: reason.value.trim(), approved: false }),
          say("refused"),
          "danger no",
        ),
      );
      if (site) {
        row.append(button(say("site", { site }), yes({ site: true }), say("approved")));
      }
      return [row, reason, element("p", say("keys"), "facts keys")];
    }
    if (kind === "login" || kind === "captcha") {
      const take = element("button", say("take"), "strong take");
      take.type = "button";
      take.addEventListener("click", event => {
        if (this.#meant(card, event)) this.dispatchEvent(new Event("take"));
      });
      row.append(
        take,
        button(say("done"), () => ({ text: "", approved: true }), say("answered"), "done"),
        button(say("cannot"), () => ({ text: "", approved: false }), say("answered")),
      );
      return [row];
    }
    return this.#open(card, choices, row, button);
  }

  /** Choices, if there are any, and a field for other words. */
  #open(card, choices, row, button) {
    const none = button(
      say("no_answer"),
      () => ({ text: "", approved: false }),
      say("answered"),
      "plain",
    );
    const form = element("form", "", "words");
    const field = words(say("or_say"));
    field.required = true;
    form.append(field, element("button", say("send")));
    form.addEventListener("submit", event => {
      event.preventDefault();
      const text = field.value.trim();
      if (!card.over && text) this.#give(card, { text, approved: true }, say("answered"));
    });
    if (!choices.length) {
      form.append(none);
      return [form];
    }
    const choose = choice => button(choice, () => ({ text: choice, approved: true }), say("answered"));
    row.append(...choices.map(choose), none);
    return [row, form];
  }
}

function words(label) {
  const field = document.createElement("input");
  field.type = "text";
  field.maxLength = 1000; // characters, as the server takes
  field.autocomplete = "off";
  field.placeholder = field.ariaLabel = label;
  return field;
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function element(tag, text, kind = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
