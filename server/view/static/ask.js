/** The page's one dialog: a sentence, perhaps a picture and a field, and two buttons. */

import { say } from "./words.js";

const dialog = document.querySelector("#ask");
const part = name => document.querySelector(`#ask_${name}`);

/**
 * @param {{title: string, text: string, yes: string, no?: string, label?: string, value?: string,
 *   picture?: string, danger?: boolean}} asked Without a label there is no field.
 * @returns {Promise<string | null>} What was filled in (empty without a field); null for no.
 */
export function ask({ title, text, yes, no, label, value = "", picture, danger = false }) {
  part("title").textContent = title;
  part("text").textContent = text;
  part("yes").textContent = yes;
  part("yes").classList.toggle("danger", danger);
  part("no").textContent = no ?? say("cancel");
  part("label").hidden = !label;
  part("label").firstElementChild.textContent = label ?? "";
  part("field").value = value;
  part("picture").hidden = !picture;
  if (picture) part("picture").src = picture;
  dialog.returnValue = "";
  dialog.showModal();
  (label ? part("field") : part("no")).focus();
  return new Promise(resolve => {
    dialog.addEventListener(
      "close",
      () => resolve(dialog.returnValue === "yes" ? part("field").value.trim() : null),
      { once: true },
    );
  });
}

part("yes").value = "yes";
part("no").addEventListener("click", () => dialog.close(""));
