/** What the page says, in every language it speaks. */

const ENGLISH = {
  again: "Try now",
  approve: "Approve",
  approve_asked: "“{who}” requests approval, in its own words",
  automatic: "automatic",
  ask_name: "What should the others call you?",
  ask_name_text: "People who watch and the agents see this name. You can change it at any time.",
  ask_note: "Hand back",
  ask_note_label: "A note to the agent (optional)",
  ask_note_text: "The agent must look at the screen again before it acts. It is told what you did.",
  ask_checkpoint: "Make a checkpoint",
  ask_checkpoint_label: "What is it for? (optional)",
  ask_checkpoint_text: "Saves all files of the desktop and its running programs, so that you can roll back.",
  ask_rollback: "Roll back to {when}?",
  ask_rollback_text:
    "The files of the desktop become what they were then, and its programs are started again. " +
    "Everything done on it since then is lost, including what people did. What has left the " +
    "desktop (mails, orders, uploads) cannot be undone.",
  cancel: "Cancel",
  cannot: "I can't",
  captcha_asked: "“{who}” is stopped by a captcha, in its own words",
  checkpoint: "Checkpoint",
  checkpoints: "Checkpoints",
  connecting: "Connecting to the screen",
  controls: "Controls",
  done: "Done",
  drives: "{who} is in control",
  earlier: "The picture before this one",
  expires: "{left} left",
  failed: "failed",
  guest: "Guest",
  hand_back: "Hand back",
  hidden: "The agents cannot see the screen.",
  hide: "Hide from agents",
  hint: "You are watching. Take control to use the mouse and keyboard.",
  keyboard: "Type text",
  language: "中文",
  language_label: "Language: 中文",
  later: "The picture after this one",
  login_asked: "“{who}” needs somebody to log in, in its own words",
  look: "Look back at the picture that was sent",
  looking_back: "Looking back",
  lost: "The connection was lost. Trying again.",
  lost_page: "The server does not answer. Trying again.",
  mute: "Sound when something is asked",
  name: "Your name",
  nobody: "No one is in control",
  no_answer: "Don't answer",
  no_checkpoints: "None yet. One is made automatically before risky steps.",
  no_walls: "no sandbox",
  no_walls_why: "This desktop is not sandboxed from the machine it runs on, and there is no undo.",
  now: "now",
  ok: "OK",
  or_say: "Answer in your own words",
  pause: "Pause agents",
  paused: "{who} paused the agents",
  picture_gone: "This picture is no longer kept.",
  present: "Back to now",
  policy_asked: "The policy asks (rule {rule})",
  question_asked: "“{who}” asks, in its own words",
  questions: "Questions",
  quiet: "Nothing has happened yet. What agents and people do appears here.",
  refuse: "Refuse",
  reserved: "{who} has reserved the desktop",
  resume: "Resume agents",
  roll_back: "Roll back",
  roll_back_to: "Roll back to {when}",
  running: "running",
  screen: "The desktop's screen",
  send: "Send",
  skip: "Stay a guest",
  stills:
    "Still pictures only: noVNC, which shows the moving screen, is not installed on the server. " +
    "./run gets it; gloveport doctor says how else.",
  stop: "Stop",
  stop_why: "Stop what the agents are doing, and pause them",
  story: "Activity",
  take: "Take control",
  taken: "{who} has control; ask them to hand back",
  timeline: "Pictures and checkpoints, oldest first",
  type_here: "Type or paste here: it is typed on the desktop",
  view_only: "Your link lets you watch.",
  walls: "sandboxed",
  walls_why: "The desktop runs in a sandbox.",
  watching: "Watching: {names}",
  you_drive: "You are in control",
  you_drive_more: "Agents are waiting. Ctrl+Alt+Shift+H hands control back.",
};

const CHINESE = {
  again: "立即重试",
  approve: "批准",
  approve_asked: "“{who}”用自己的话请求批准",
  automatic: "自动",
  ask_name: "大家怎么称呼您？",
  ask_name_text: "观看者和智能体会看到这个名字，可随时修改。",
  ask_note: "交还控制",
  ask_note_label: "给智能体的留言（可选）",
  ask_note_text: "智能体必须先重新查看屏幕才能操作，并会得知您做了什么。",
  ask_checkpoint: "创建检查点",
  ask_checkpoint_label: "用途说明（可选）",
  ask_checkpoint_text: "保存桌面的所有文件和正在运行的程序，以便日后回滚。",
  ask_rollback: "回滚到 {when}？",
  ask_rollback_text:
    "桌面文件将恢复到当时的状态，程序会重新启动。此后在桌面上所做的一切都会丢失，包括人的操作。" +
    "已经离开桌面的内容（邮件、订单、上传）无法撤销。",
  cancel: "取消",
  cannot: "我做不到",
  captcha_asked: "“{who}”用自己的话说：遇到了验证码",
  checkpoint: "检查点",
  checkpoints: "检查点",
  connecting: "正在连接屏幕",
  controls: "控制",
  done: "完成",
  drives: "{who} 正在控制",
  earlier: "上一张画面",
  expires: "剩余 {left}",
  failed: "失败",
  guest: "访客",
  hand_back: "交还控制",
  hidden: "智能体看不到屏幕。",
  hide: "对智能体隐藏",
  hint: "您正在观看。取得控制后才能使用鼠标和键盘。",
  keyboard: "输入文字",
  language: "English",
  language_label: "语言：English",
  later: "下一张画面",
  login_asked: "“{who}”用自己的话说：需要有人登录",
  look: "回看当时发送的画面",
  looking_back: "正在回看",
  lost: "连接已断开，正在重试。",
  lost_page: "服务器没有响应，正在重试。",
  mute: "有提问时播放声音",
  name: "您的名字",
  nobody: "无人控制",
  no_answer: "不回答",
  no_checkpoints: "暂无。在有风险的步骤之前会自动创建。",
  no_walls: "无沙箱",
  no_walls_why: "此桌面未与所在机器隔离，也无法撤销。",
  now: "现在",
  ok: "确定",
  or_say: "用自己的话回答",
  pause: "暂停智能体",
  paused: "{who} 已暂停智能体",
  picture_gone: "这张画面已不再保留。",
  present: "回到现在",
  policy_asked: "规则询问（{rule}）",
  question_asked: "“{who}”用自己的话提问",
  questions: "问题",
  quiet: "还没有发生任何事。智能体和人的操作会显示在这里。",
  refuse: "拒绝",
  reserved: "{who} 已预留此桌面",
  resume: "恢复智能体",
  roll_back: "回滚",
  roll_back_to: "回滚到 {when}",
  running: "进行中",
  screen: "桌面的屏幕",
  send: "发送",
  skip: "保持访客身份",
  stills: "仅显示静态画面：服务器未安装显示动态屏幕的 noVNC。运行 ./run 可获取，gloveport doctor 会说明其他办法。",
  stop: "停止",
  stop_why: "结束智能体正在做的事，并暂停它们",
  story: "活动记录",
  take: "取得控制",
  taken: "{who} 正在控制，请对方交还",
  timeline: "画面与检查点，从旧到新",
  type_here: "在此输入或粘贴，文字会输入到桌面",
  view_only: "您的链接只能观看。",
  walls: "沙箱中",
  walls_why: "此桌面在沙箱中运行。",
  watching: "正在观看：{names}",
  you_drive: "您正在控制",
  you_drive_more: "智能体在等待。按 Ctrl+Alt+Shift+H 交还。",
};

const LANGUAGES = { en: ENGLISH, zh: CHINESE };
const KEPT = "gloveport.language";

let language = localStorage.getItem(KEPT) ?? (navigator.language.startsWith("zh") ? "zh" : "en");
if (!(language in LANGUAGES)) language = "en";

/** A sentence, with its {gaps} filled in. */
export function say(key, gaps = {}) {
  return LANGUAGES[language][key].replace(/\{(\w+)\}/g, (_, gap) => gaps[gap]);
}

/** The time of day of some seconds since 1970. */
export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString(language, { hour12: false });
}

/** A length of time, short. */
export function lasting(ms) {
  if (ms < 1000) return `${ms} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min`;
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
