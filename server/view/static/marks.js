/** The agent's pointer, and what it does with it, drawn over the screen as it happens. */

const RIPPLE = 700; // milliseconds
const GLIDE = 180;
const STAYS = 4000;
const POINTER = new Path2D("M0 0v16l4.5-4 2.9 6.4 3.3-1.5-2.9-6.3h6z");
const PRESSES = /click|drag|mouse_down|button_down|actions/;

export class Marks {
  #canvas = document.querySelector("#marks");
  #size = [1280, 800];
  #marks = [];
  #pointer = null;
  #drawing = false;
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  constructor() {
    new ResizeObserver(() => this.#fit()).observe(this.#canvas);
  }

  /** @param {[number, number]} size The screenshot's, in whose pixels places are told. */
  resize(size) {
    this.#size = size;
  }

  /** Something with a place has begun. */
  begin({ what, at, to, who, number }) {
    if (!at) return;
    // A call is told again when it presses somewhere in its course.
    const last = this.#marks.findLast(mark => mark.number === number);
    if (last && last.at[0] === at[0] && last.at[1] === at[1]) return;
    const now = performance.now();
    const from = this.#pointer?.at ?? at;
    this.#pointer = { from, at: to ?? at, since: now, name: who.name };
    const since = this.#still.matches ? now : now + GLIDE;
    if (PRESSES.test(what)) this.#marks.push({ number, at, to, since, failed: false });
    this.#draw();
  }

  /** It is over. */
  end({ number, ok }) {
    if (ok) return;
    for (const mark of this.#marks) {
      if (mark.number === number) Object.assign(mark, { failed: true, since: performance.now() });
    }
    this.#draw();
  }

  #fit() {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#canvas.width = clientWidth * devicePixelRatio;
    this.#canvas.height = clientHeight * devicePixelRatio;
    this.#draw();
  }

  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(now => {
      this.#drawing = false;
      this.#paint(now);
    });
  }

  #paint(now) {
    const pen = this.#canvas.getContext("2d");
    const style = getComputedStyle(this.#canvas);
    const scale = this.#canvas.clientWidth / this.#size[0];
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.clearRect(0, 0, this.#canvas.clientWidth, this.#canvas.clientHeight);
    this.#marks = this.#marks.filter(mark => now < mark.since + RIPPLE);
    for (const mark of this.#marks) {
      if (now < mark.since) continue;
      const colour = style.getPropertyValue(mark.failed ? "--bad" : "--agent");
      this.#ripple(pen, mark, scale, this.#still.matches ? 0.4 : (now - mark.since) / RIPPLE, colour);
    }
    const shown = this.#pointer && now < this.#pointer.since + STAYS;
    if (shown) this.#point(pen, scale, now, style);
    else this.#pointer = null;
    if (shown || this.#marks.length) this.#draw();
  }

  #ripple(pen, { at, to }, scale, done, colour) {
    const [x, y] = at.map(pixel => pixel * scale);
    pen.globalAlpha = 1 - done;
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = 2.5;
    if (to) {
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(to[0] * scale, to[1] * scale);
      pen.stroke();
    }
    for (const [cx, cy] of to ? [[x, y], to.map(pixel => pixel * scale)] : [[x, y]]) {
      pen.beginPath();
      pen.arc(cx, cy, 5 + 20 * done, 0, 2 * Math.PI);
      pen.stroke();
      pen.beginPath();
      pen.arc(cx, cy, 3, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  #point(pen, scale, now, style) {
    const { from, at, since, name } = this.#pointer;
    const moved = this.#still.matches ? 1 : Math.min(1, (now - since) / GLIDE);
    const eased = 1 - (1 - moved) ** 3;
    const [x, y] = [0, 1].map(axis => (from[axis] + (at[axis] - from[axis]) * eased) * scale);
    pen.globalAlpha = this.#still.matches ? 1 : Math.min(1, (since + STAYS - now) / 600);
    pen.save();
    pen.translate(x, y);
    pen.fillStyle = style.getPropertyValue("--agent");
    pen.strokeStyle = "#fff";
    pen.lineWidth = 2;
    pen.stroke(POINTER);
    pen.fill(POINTER);
    this.#label(pen, name, x, y, style);
    pen.restore();
    pen.globalAlpha = 1;
  }

  /** The name beside the pointer, on whichever side has room. */
  #label(pen, name, x, y, style) {
    pen.font = "600 11px system-ui, sans-serif";
    const width = pen.measureText(name).width + 12;
    const left = x + 14 + width > this.#canvas.clientWidth ? -width - 4 : 14;
    const top = y + 36 > this.#canvas.clientHeight ? -22 : 16;
    pen.beginPath();
    pen.roundRect(left, top, width, 18, 5);
    pen.fill();
    pen.fillStyle = style.getPropertyValue("--on");
    pen.textBaseline = "middle";
    pen.fillText(name, left + 6, top + 9.5);
  }
}
