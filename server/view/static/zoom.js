/**
 * Two fingers on the screen: a pinch makes it larger or smaller here, also while one drives, and while
 * it is larger two fingers move it. noVNC would send both to the desktop as turns of the wheel.
 */

const MOST = 5;
const well = document.querySelector(".well");
const stage = document.querySelector("#stage");

export function zooming() {
  let zoom = 1;
  let last = null; // the magnitudes that the gesture's last event told

  function show(wanted, { clientX, clientY }) {
    const before = stage.getBoundingClientRect();
    zoom = Math.min(MOST, Math.max(1, wanted));
    stage.style.setProperty("--zoom", zoom);
    document.body.classList.toggle("zoomed", zoom > 1);
    const after = stage.getBoundingClientRect();
    const grown = after.width / before.width;
    // What is between the fingers stays there.
    well.scrollLeft += (clientX - before.left) * grown - (clientX - after.left);
    well.scrollTop += (clientY - before.top) * grown - (clientY - after.top);
  }

  function handle(event) {
    const { detail } = event;
    const pinch = detail.type === "pinch";
    if (!pinch && !(detail.type === "twodrag" && zoom > 1)) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    const { magnitudeX: x, magnitudeY: y } = detail;
    if (event.type === "gesturemove" && last) {
      if (pinch) show((zoom * Math.hypot(x, y)) / Math.max(1, Math.hypot(last.x, last.y)), detail);
      else well.scrollBy(last.x - x, last.y - y);
    }
    last = event.type === "gestureend" ? null : { x, y };
  }

  for (const kind of ["gesturestart", "gesturemove", "gestureend"]) {
    stage.addEventListener(kind, handle, { capture: true });
  }
}
