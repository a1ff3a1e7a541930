/** The live view: who drives a desktop, what happens on it, and how a person takes part. */

import { ask } from "./ask.js";
import { Bell } from "./bell.js";
import { Marks } from "./marks.js";
import { Questions } from "./questions.js";
import { Screen } from "./screen.js";
import { Seat } from "./seat.js";
import { Story } from "./story.js";
import { Timeline } from "./timeline.js";
import { Typing } from "./typing.js";
import { Undo } from "./undo.js";
import { say, switchLanguage, translate } from "./words.js";

const NAME = "gloveport.name";
const STEADY = 1500; // milliseconds nobody must drive before the page says so: calls come in bursts
const HINT = 4000;
const TROUBLE = 8000;

const $ = id => document.getElementById(id);
const path = location.pathname.replace(/\/$/, "");

translate();
const seat = new Seat(path, localStorage.getItem(NAME) || say("guest"));
const screen = new Screen(path);
const marks = new Marks();
const story = new Story();
const timeline = new Timeline(path, hint);
const undo = new Undo(path);
const questions = new Questions();
const bell = new Bell();
const typing = new Typing(keysym => screen.press(keysym));

let state = null;
let lost = null; // why the stream of events is gone, if it is
let begun = false; // a stream began, and its first state has not come yet
let nobody = 0;

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
  if (begun) {
    begun = false;
    story.settle();
    timeline.settle();
  }
  show();
  if (first) screen.open();
  if (state.you.driving !== drove) {
    timeline.present();
    screen.drive(state.you.driving);
    if (!state.you.driving) typing.show(false);
    show();
  }
});

seat.addEventListener("lost", ({ detail }) => {
  lost = detail || say("lost_page");
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
  marks.resize(size);
  $("name").textContent = you.name;
  $("name").ariaLabel = `${say("name")}: ${you.name}`;
  $("watching").textContent = say("watching", { names: watching.join(", ") });
  $("watching").title = watching.join(", ");
  showDriver();
  showControls(may);
  timeline.checkpoints(checkpoints);
  undo.show(checkpoints, may);
  questions.show(state.questions, may);
  const fresh = bell.ring(state.questions, `${desktop} · gloveport`);
  if (fresh.length) {
    $("urgent").textContent = fresh.map(({ asked_by, text }) => `${asked_by}: ${text}`).join(" ");
  }
  showVeil();
}

function showDriver() {
  const { driver, paused, reserved, you, hidden } = state;
  clearTimeout(nobody);
  const more = hidden ? say("hidden") : "";
  if (you.driving) tell("you", say("you_drive"), more || say("you_drive_more"));
  else if (driver.kind === "person") tell("person", say("drives", { who: driver.name }), more);
  else if (paused) tell("paused", say("paused", { who: paused }));
  else if (reserved) tell("agent", say("reserved", { who: driver.name }));
  else if (driver.kind === "agent") tell("agent", say("drives", { who: driver.name }));
  else if (document.body.dataset.state !== "agent") tell("nobody", say("nobody"));
  else nobody = setTimeout(() => tell("nobody", say("nobody")), STEADY);
}

function tell(kind, who, more = "") {
  document.body.dataset.state = kind;
  if ($("driver").textContent !== who) $("driver").textContent = who;
  $("more").textContent = more;
}

function showControls(may) {
  const { driver, paused, you, hidden, walls } = state;
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
    view_only: !may,
  };
  const focused = document.activeElement?.id;
  for (const [id, visible] of Object.entries(shown)) $(id).hidden = !visible;
  $("take").disabled = another;
  $("take").title = another ? say("taken", { who: driver.name }) : "";
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

async function act(verb, more) {
  try {
    await seat.do(verb, more);
  } catch (why) {
    // fetch says TypeError, in the browser's own words, when there is no answer at all.
    trouble(why instanceof TypeError ? say("lost_page") : why.message);
  }
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
    if (!state) return;
    show();
    questions.redraw(state.you.may.includes("approve"));
  },
  again: () => {
    seat.hurry();
    screen.hurry();
  },
};
for (const [id, press] of Object.entries(presses)) $(id).addEventListener("click", press);

questions.addEventListener("answer", ({ detail }) => act("answer", detail));
questions.addEventListener("take", () => act("take"));
undo.addEventListener("look", ({ detail }) => timeline.look(`c${detail}`));
undo.addEventListener("rollback", ({ detail }) => act("rollback", { to: detail }));
story.addEventListener("look", ({ detail }) => timeline.look(`f${detail}`));
$("marks").addEventListener("pointerdown", () => state && hint(say("hint")));

// Before noVNC, which sends every key to the desktop.
addEventListener(
  "keydown",
  event => {
    const chord = event.ctrlKey && event.altKey && event.shiftKey && event.code === "KeyH";
    if (chord && state?.you.driving) {
      event.preventDefault();
      event.stopImmediatePropagation();
      act("hand_back", { note: "" });
    } else if (event.key === "Escape" && timeline.looking && !$("ask").open) {
      timeline.present();
    }
  },
  { capture: true },
);

seat.sit(seat.name);
if (localStorage.getItem(NAME) === null) rename();
