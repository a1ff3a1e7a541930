/** The live view: who drives a desktop, what happens on it, and how a person takes part. */

import { ask } from "./ask.js";
import { Bell } from "./bell.js";
import { Files } from "./files.js";
import { Sizes, dropping, pasting, send } from "./hands.js";
import { Marks } from "./marks.js";
import { Questions } from "./questions.js";
import { Screen } from "./screen.js";
import { Seat, Unanswered } from "./seat.js";
import { Sharing } from "./share.js";
import { Story } from "./story.js";
import { asked, refused } from "./telling.js";
import { Timeline } from "./timeline.js";
import { Typing } from "./typing.js";
import { Undo } from "./undo.js";
import { Status } from "./status.js";
import { say, switchLanguage, translate } from "./words.js";
import { zooming } from "./zoom.js";

const NAME = "gloveport.name";
const HINT = 4000;
const MOST_NAMES = 3;
const TROUBLE = 8000;

const $ = id => document.getElementById(id);
const path = location.pathname.replace(/\/$/, "");

translate();
zooming();
const seat = new Seat(path, localStorage.getItem(NAME) || say("guest"));
const screen = new Screen(path);
const marks = new Marks();
const story = new Story();
const timeline = new Timeline(path, hint);
const undo = new Undo(path);
const questions = new Questions(path, answer => act("answer", answer), () => seat.now);
const status = new Status(seat);
const bell = new Bell();
const sharing = new Sharing(path);
const files = new Files(path);
const sizes = new Sizes();
const typing = new Typing(keysym => screen.press(keysym));

let state = null;
let lost = null; // why the stream of events is gone, if it is
let begun = false; // a stream began, and its first state has not come yet
let server = ""; // which life of the server this is

// What the server tells

seat.addEventListener("begin", () => {
  begun = true;
  story.begin();
  timeline.begin();
});

seat.addEventListener("happening", ({ detail }) => {
  story.add(detail);
  timeline.add(detail);
  if (detail.who.kind !== "agent") return;
  if (detail.ended) marks.end(detail);
  else marks.begin(detail);
});

seat.addEventListener("state", ({ detail }) => {
  const first = !state;
  const drove = state?.you.driving ?? false;
  state = detail;
  lost = null;
  if (server && server !== state.server) notice(say("restarted"));
  server = state.server;
  if (begun) {
    begun = false;
    story.settle();
    timeline.settle();
  }
  show();
  if (first) screen.open();
  if (state.you.driving !== drove || screen.held) {
    screen.held = false;
    timeline.present();
    screen.drive(state.you.driving);
    if (!state.you.driving) typing.show(false);
    show();
  }
});

seat.addEventListener("lost", ({ detail }) => {
  lost = detail === "signed_out" ? say("signed_out") : detail || lost || say("lost_page");
  screen.drive(false);
  screen.held = true;
  if (state) show();
  showVeil();
});

screen.addEventListener("status", showVeil);
timeline.addEventListener("past", () => {
  showPast();
  if (timeline.looking) screen.blur();
  else screen.focus();
});

// What the page shows

function show() {
  const { desktop, size, walls, you, checkpoints, watching } = state;
  const may = you.may.includes("control");
  $("desktop").textContent = desktop;
  $("walls").hidden = false;
  $("walls").textContent = say(walls === "none" ? "no_walls" : "walls");
  $("walls").title = say(walls === "none" ? "no_walls_why" : "walls_why");
  $("walls").classList.toggle("bad", walls === "none");
  document.body.style.setProperty("--wide", size[0]);
  document.body.style.setProperty("--high", size[1]);
  document.body.style.setProperty("--pixels", state.pixels[0] / devicePixelRatio);
  marks.resize(size);
  timeline.size = size;
  $("name").textContent = you.name;
  $("name").ariaLabel = `${say("name")}: ${you.name}`;
  const names = watching.length > MOST_NAMES ? watching.length : watching.join(", ");
  $("watching").textContent = say("watching", { names });
  $("watching").title = watching.join(", ");
  status.show(state, lost !== null);
  showControls(may);
  timeline.checkpoints(checkpoints);
  undo.show(checkpoints, may);
  questions.show(state.questions, you.may.includes("approve"));
  const fresh = bell.ring(questions.waiting, `${desktop} · gloveport`);
  if (fresh.length) {
    $("urgent").textContent = fresh.map(one => `${one.asked_by}: ${asked(one)}`).join(" ");
  }
  showVeil();
}

function showControls(may) {
  const { driver, paused, you, hidden, walls, away } = state;
  const another = driver.kind === "person" && !you.driving;
  const shown = {
    take: may && !you.driving,
    hand_back: you.driving,
    pause: may && driver.kind !== "person" && !paused,
    resume: may && Boolean(paused),
    stop: may && driver.kind !== "person" && !paused,
    hide: you.driving,
    keyboard: you.driving,
    checkpoint: may && walls !== "none",
    downloads: you.may.includes("files"),
    view_only: !may,
  };
  const focused = document.activeElement?.id;
  for (const [id, visible] of Object.entries(shown)) $(id).hidden = !visible;
  for (const button of document.querySelectorAll(".bar button")) button.disabled = lost !== null;
  $("take").disabled = another || lost !== null;
  $("take").title = another && !away ? say("taken", { who: driver.name }) : "";
  $("stop").title = say("stop_why");
  $("hide").ariaPressed = String(hidden);
  $("keyboard").ariaExpanded = String(typing.shown);
  // A button that goes hands the focus to the one that takes its place.
  const next = { pause: "resume", stop: "resume", resume: "pause", hand_back: "take" }[focused];
  if (next && $(focused).hidden) $(next).focus();
  $("mute").ariaPressed = String(!bell.muted);
  $("mute").ariaLabel = $("mute").title = say("mute");
  $("mute").querySelector("use").setAttribute("href", bell.muted ? "#i_silence" : "#i_sound");
  $("language").textContent = say("language");
  $("language").ariaLabel = say("language_label");
}

function showVeil() {
  const stills = screen.status === "stills";
  const dark = lost !== null || screen.status === "lost" || screen.status === "connecting";
  document.body.dataset.screen = lost === null ? screen.status : "lost";
  $("veil").hidden = !dark && !stills;
  $("again").hidden = !(lost !== null || screen.status === "lost");
  $("veil_text").textContent =
    lost ?? (stills ? screen.trouble || say("stills") : say(screen.status === "lost" ? "lost" : "connecting"));
}

function notice(text) {
  $("notice_text").textContent = text;
  $("notice").hidden = !text;
}

function showPast() {
  const { looking } = timeline;
  document.body.classList.toggle("past", looking);
  $("now").hidden = $("watching").hidden = looking;
  $("past").hidden = $("past_ways").hidden = !looking;
}

let hinting = 0;
function hint(text) {
  clearTimeout(hinting);
  $("hint").textContent = text;
  $("hint").hidden = !text;
  if (text) hinting = setTimeout(() => ($("hint").hidden = true), HINT);
}

let troubled = 0;
function trouble(text) {
  clearTimeout(troubled);
  $("trouble").textContent = text;
  troubled = setTimeout(() => ($("trouble").textContent = ""), TROUBLE);
}

// What people do

/** Do something; the button that was pressed shows it until the server has answered. */
/** Do a verb; true when it is done, a code when it was refused for this reason, else false. */
async function act(verb, more, reason = "") {
  const pressed = document.activeElement?.closest?.("button");
  pressed?.setAttribute("aria-busy", "true");
  try {
    await seat.do(verb, more);
    return true;
  } catch (why) {
    if (reason && why.code === reason) return reason;
    const silent = why instanceof Unanswered;
    trouble(silent ? say(why.slow ? "no_answer_slow" : "no_answer_verb") : refused(why));
    return false;
  } finally {
    pressed?.removeAttribute("aria-busy");
  }
}

/** Roll back; where the present cannot be saved first, such as on a full disk, ask once more. */
async function rollBack(to) {
  if ((await act("rollback", { to }, "NotKept")) !== "NotKept") return;
  const answer = await ask({
    title: say("ask_unkept"),
    text: say("ask_unkept_text"),
    yes: say("roll_back"),
    danger: true,
  });
  if (answer !== null) await act("rollback", { to, keep: false });
}

async function handBack() {
  screen.blur();
  const note = await ask({
    title: say("ask_note"),
    text: say("ask_note_text"),
    label: say("ask_note_label"),
    yes: say("hand_back"),
  });
  if (note !== null) await act("hand_back", { note });
  else screen.focus();
}

async function rename() {
  const name = await ask({
    title: say("ask_name"),
    text: say("ask_name_text"),
    label: say("name"),
    value: localStorage.getItem(NAME) ?? "",
    yes: say("ok"),
    no: localStorage.getItem(NAME) === null ? say("skip") : say("cancel"),
  });
  // Asked once: who stays a guest is not asked again.
  if (name === null && localStorage.getItem(NAME) !== null) return;
  localStorage.setItem(NAME, name ?? "");
  if (name) seat.sit(name);
}

async function makeCheckpoint() {
  const note = await ask({
    title: say("ask_checkpoint"),
    text: say("ask_checkpoint_text"),
    label: say("ask_checkpoint_label"),
    yes: say("checkpoint"),
  });
  if (note !== null) await act("checkpoint", { note });
}

const presses = {
  take: () => act("take"),
  hand_back: handBack,
  pause: () => act("pause"),
  resume: () => act("resume"),
  stop: () => act("stop"),
  hide: () => act("hide", { hidden: !state.hidden }),
  checkpoint: makeCheckpoint,
  name: rename,
  sharing: () => {
    screen.blur();
    sharing.open(state?.you.may.includes("control") ?? false);
  },
  downloads: () => {
    screen.blur();
    files.open();
  },
  keyboard: () => {
    typing.show(!typing.shown);
    $("keyboard").ariaExpanded = String(typing.shown);
    if (!typing.shown) screen.focus();
  },
  mute: () => {
    bell.mute(!bell.muted);
    if (state) show();
  },
  language: () => {
    switchLanguage();
    sizes.draw();
    if (!state) return;
    show();
    story.redraw();
    questions.redraw(state.you.may.includes("approve"));
  },
  again: () => {
    seat.hurry();
    screen.hurry();
  },
};
presses.notice_close = () => notice("");
for (const [id, press] of Object.entries(presses)) $(id).addEventListener("click", press);

questions.addEventListener("take", () => act("take"));
undo.addEventListener("look", ({ detail }) => timeline.look(`c${detail}`));
undo.addEventListener("rollback", ({ detail }) => rollBack(detail));
story.addEventListener("look", ({ detail }) => timeline.look(`f${detail}`));
$("marks").addEventListener("pointerdown", () => {
  if (state) hint(say(state.you.may.includes("control") ? "hint" : "hint_view"));
});
setInterval(() => {
  if (!state) return;
  status.tick();
  questions.tick();
}, 1000);

async function put(files) {
  for (const file of files) {
    try {
      hint(say("file_put", { path: await send(path, file) }));
    } catch (why) {
      trouble(why.message);
    }
  }
}

pasting(
  () => state?.you.driving && lost === null,
  (text, shift) => act("paste", { text, shift }),
  put,
);
dropping(() => state?.you.may.includes("control"), put);

// Before noVNC, which sends every key to the desktop.
addEventListener(
  "keydown",
  event => {
    const chord = event.ctrlKey && event.altKey && event.shiftKey && event.code === "KeyH";
    if (chord && state?.you.driving) {
      event.preventDefault();
      event.stopImmediatePropagation();
      act("hand_back", { note: "" });
    } else if (event.altKey && !event.ctrlKey && event.code === "KeyA" && questions.open.length) {
      event.preventDefault();
      event.stopImmediatePropagation();
      questions.focus();
    } else if (event.key === "Escape" && timeline.looking && !$("ask").open) {
      timeline.present();
    }
  },
  { capture: true },
);

seat.sit(seat.name);
if (localStorage.getItem(NAME) === null) rename();
