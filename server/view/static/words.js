/** What the page says, in the language of whoever reads it; one file a language. */

import en from "./words_en.js";
import zh from "./words_zh.js";

const LANGUAGES = { en, zh };
const KEPT = "gloveport.language";

let language = localStorage.getItem(KEPT) ?? (navigator.language.startsWith("zh") ? "zh" : "en");
if (!(language in LANGUAGES)) language = "en";

/** Whether there is a sentence of this name. */
export function has(key) {
  return Object.hasOwn(LANGUAGES[language], key);
}

/** A sentence, with its {gaps} filled in. */
export function say(key, gaps = {}) {
  return LANGUAGES[language][key].replace(/\{(\w+)\}/g, (_, gap) => gaps[gap]);
}

/** The time of day of some seconds since 1970. */
export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString(language, { hour12: false });
}

/** A length of time in whole seconds, minutes or hours. */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} ${say("unit_s")}`;
  if (whole < 5400) return `${Math.round(whole / 60)} ${say("unit_min")}`;
  return `${Math.round(whole / 3600)} ${say("unit_h")}`;
}

/** A length of time, short. */
export function lasting(ms) {
  if (ms < 1000) return `${ms} ${say("unit_ms")}`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} ${say("unit_s")}` : `${Math.floor(ms / 60_000)} ${say("unit_min")}`;
}

/** Say everything that stands in the page in the current language. */
export function translate() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-say]")) {
    node.textContent = say(node.dataset.say);
  }
  for (const node of document.querySelectorAll("[data-say-label]")) {
    node.setAttribute("aria-label", say(node.dataset.sayLabel));
    if (node.tagName === "BUTTON") node.title = say(node.dataset.sayLabel);
  }
  for (const node of document.querySelectorAll("[data-say-placeholder]")) {
    node.placeholder = say(node.dataset.sayPlaceholder);
  }
}

/** Go on in the next language. */
export function switchLanguage() {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem(KEPT, language);
  translate();
}
