/**
 * A field whose text is typed on the desktop: for phones, which have no keys, for input methods such
 * as Pinyin, and to paste.
 */

const KEYS = {
  deleteContentBackward: 0xff08,
  deleteWordBackward: 0xff08,
  insertLineBreak: 0xff0d,
  insertParagraph: 0xff0d,
};
const NAMED = {
  Enter: 0xff0d, Tab: 0xff09, Escape: 0xff1b, ArrowLeft: 0xff51, ArrowUp: 0xff52,
  ArrowRight: 0xff53, ArrowDown: 0xff54,
};

export class Typing {
  #form = document.querySelector("#typing");
  #field = document.querySelector("#typed");
  #press;

  /** @param {(keysym: number) => void} press Presses a key on the desktop. */
  constructor(press) {
    this.#press = press;
    this.#form.addEventListener("submit", event => event.preventDefault());
    for (const button of this.#form.querySelectorAll("[data-key]")) {
      button.addEventListener("pointerdown", event => event.preventDefault()); // the field keeps the focus
      button.addEventListener("click", () => {
        const { key } = button.dataset;
        this.#press(key === "Backspace" ? KEYS.deleteContentBackward : NAMED[key]);
      });
    }
    this.#field.addEventListener("keydown", event => {
      if (event.isComposing || !(event.key in NAMED) || event.shiftKey) return;
      event.preventDefault();
      this.#press(NAMED[event.key]);
    });
    this.#field.addEventListener("beforeinput", event => {
      if (event.isComposing) return;
      event.preventDefault();
      const key = KEYS[event.inputType];
      if (key) this.#press(key);
      else this.#type(event.data ?? event.dataTransfer?.getData("text/plain") ?? "");
    });
    this.#field.addEventListener("compositionend", event => {
      this.#type(event.data);
      this.#field.value = "";
    });
  }

  get shown() {
    return !this.#form.hidden;
  }

  show(shown) {
    this.#form.hidden = !shown;
    if (shown) this.#field.focus();
  }

  #type(text) {
    for (const char of text.replaceAll("\r\n", "\n")) {
      if (char === "\n") this.#press(0xff0d);
      else if (char === "\t") this.#press(0xff09);
      else this.#press(keysym(char.codePointAt(0)));
    }
  }
}

/** X's name for a character. */
function keysym(point) {
  return point < 0x100 ? point : 0x01000000 | point;
}
