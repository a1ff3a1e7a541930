/** What happened and what is asked, in the reader's language; the server sends codes with arguments. */

import { has, say } from "./words.js";

// Tools that are told alike.
const LIKE = {
  click: "left_click", click_element: "left_click", drag: "left_click_drag",
  button_down: "left_mouse_down", button_up: "left_mouse_up",
};
// The built-in policy's own words; those of other files are told as they are.
const MESSAGES = {
  "Text or a secret goes into a password field.": "msg_password",
  "It may spend money.": "msg_money",
  "What is sent cannot be taken back.": "msg_sent",
  "It cannot be undone.": "msg_undone",
  "It may be lost for good.": "msg_lost",
  "It sends a form with a password or a card.": "msg_form",
  "Its files are lost.": "msg_files",
  "What the file held is lost.": "msg_held",
  "What was done since then is lost.": "msg_since",
};

/** What somebody did, or wants to where it is not over or failed; the server's words without a code. */
export function happened({ said = {}, told, who, ended, ok }) {
  const wanted = ended && ok ? null : clause(said, who, "now");
  return wanted === null ? (clause(said, who, "do") ?? told) : say("wants", { what: wanted });
}

/** Why something failed, in words for people, if there are any. */
export function failed({ why, error }) {
  return has(`error_${why}`) ? say(`error_${why}`) : error;
}

/** Why the server did not do something: in its own words where the reader knows their language. */
export function refused({ code, message }) {
  const translated = document.documentElement.lang !== "en" && has(`refused_${code}`);
  return translated ? say(`refused_${code}`) : message;
}

/** What is asked. */
export function asked({ said, text, asked_by: who }) {
  return question(said, who) ?? text;
}

function clause(said, who, form) {
  if (said.code === "actions" && said.steps) {
    const steps = said.steps.map(step => clause(step, who, form) ?? step.code).join(", ");
    return say(form === "now" ? "now_steps" : "and_steps", { count: said.steps.length, steps });
  }
  const key = `${form}_${LIKE[said.code] ?? said.code}`;
  if (!has(key)) return null;
  const { text = "", answer, yes, question: of, count, on, at, direction } = said;
  return say(key, {
    ...{ action: "", event: "", from: "", name: "", site: "", target: "", window: "" },
    ...said,
    text: of?.code ? (question(of, who?.name ?? "") ?? text) : text,
    answer: answer || (yes === undefined ? "" : say(yes ? "yes" : "no")),
    on: on ? `“${on}”` : at ? say("at_point", { at }) : "",
    typed: text ? `“${text}”` : say("characters", { count: count ?? 0 }),
    into: said.into ? say("into", said) : "",
    note: text ? say("note", { text }) : "",
    direction: direction ? say(direction) : "",
  }).trim();
}

function question(said, who) {
  const code = said?.code === "may_press" && !said.on ? "may_press_at" : said?.code;
  if (!code || !has(code)) return null;
  const { into, window, url, doubt, message } = said;
  return [
    say(code, { text: "", ...said, who, into: into ? say("into", { into }) : "" }),
    window ? say("in_window", { window }) : "",
    url ? ` (${url})` : "",
    say("asks_end"),
    doubt ? say("doubt") : "",
    message ? ` ${MESSAGES[message] ? say(MESSAGES[message]) : message}` : "",
  ].join("");
}
