/**
 * The key of this browser's session, and requests that carry it.
 *
 * A cookie goes to every port of the host. The key is kept in the storage of this origin, so that
 * no other port gets it, and the server answers nothing but the page itself without it.
 */

const key = () => localStorage.getItem("gloveport.key") ?? ""; // auth/sign_in_page.py puts it there

/** Fetch something of this server. */
export function keyed(path, options = {}) {
  return fetch(path, { ...options, headers: { ...options.headers, "X-Gloveport-Key": key() } });
}

/** The subprotocols of a WebSocket to this server. */
export const protocols = () => ["binary", `gloveport.key.${key()}`];

/**
 * The events that a server sends, as [kind, data]; ["open", ""] is the first. An EventSource can
 * carry no key.
 */
export async function* events(path, signal) {
  const answer = await keyed(path, { signal });
  if (!answer.ok) throw new Error(await answer.text());
  yield ["open", ""];
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n").map(line => line.split(/: (.*)/s));
      const { event, data } = Object.fromEntries(lines);
      yield [event, data];
    }
  }
}

/** Show a picture of this server in an image; "" for none. Fires "error" where there is none. */
export async function show(image, path) {
  image.dataset.path = path;
  if (!path) {
    image.removeAttribute("src");
    return;
  }
  try {
    const answer = await keyed(path);
    if (!answer.ok) throw new Error(await answer.text());
    const data = await asData(await answer.blob());
    if (image.dataset.path === path) image.src = data; // unless another one was asked for since
  } catch {
    if (image.dataset.path === path) image.dispatchEvent(new Event("error"));
  }
}

function asData(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(blob);
  });
}
