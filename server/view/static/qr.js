/**
 * QR codes (ISO/IEC 18004): byte mode, error correction L, versions 1 to 9, mask 0, which is up to
 * 230 bytes. A reader takes any mask.
 */

// By version: code words of data in a block, of error correction in a block, and blocks.
const TABLE = [
  [19, 7, 1], [34, 10, 1], [55, 15, 1], [80, 20, 1], [108, 26, 1],
  [68, 18, 2], [78, 20, 2], [97, 24, 2], [116, 30, 2],
];
const ALIGNED = [
  [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46],
];
const QUIET = 4; // modules of the margin

/** A picture of a text as an SVG element; null if the text is too long. */
export function qr(text) {
  const dark = modules(new TextEncoder().encode(text));
  if (!dark) return null;
  const space = "http://www.w3.org/2000/svg";
  const size = dark.length + 2 * QUIET;
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", `0 0 ${size} ${size}`);
  picture.setAttribute("shape-rendering", "crispEdges");
  const squares = dark.flatMap((row, y) =>
    row.map((on, x) => (on ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : "")),
  );
  for (const [d, fill] of [[`M0 0h${size}v${size}H0z`, "#fff"], [squares.join(""), "#000"]]) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", d);
    path.setAttribute("fill", fill);
    picture.append(path);
  }
  return picture;
}

/** Rows of modules, true where dark. */
function modules(bytes) {
  // Mode and length take 12 bits.
  const version = 1 + TABLE.findIndex(([data, , blocks]) => bytes.length + 2 <= data * blocks);
  if (!version) return null;
  const size = 17 + 4 * version;
  const grid = Array.from({ length: size }, () => Array(size).fill(null));
  const set = (x, y, on) => (grid[y][x] = Boolean(on));
  drawPatterns(set, size, version);
  const fixed = grid.map(row => row.map(one => one !== null));
  const words = codeWords(bytes, ...TABLE[version - 1]);
  let at = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5; // the timing pattern
    for (let step = 0; step < size; step++) {
      for (const x of [right, right - 1]) {
        const y = (right + 1) & 2 ? step : size - 1 - step;
        if (fixed[y][x]) continue;
        const bit = (words[at >> 3] >> (7 - (at & 7))) & 1;
        at++;
        set(x, y, bit ^ ((x + y) % 2 === 0 ? 1 : 0));
      }
    }
  }
  return grid;
}

function drawPatterns(set, size, version) {
  for (let i = 0; i < size; i++) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  for (const [cx, cy] of [[3, 3], [size - 4, 3], [3, size - 4]]) {
    for (let y = Math.max(0, cy - 4); y <= Math.min(size - 1, cy + 4); y++) {
      for (let x = Math.max(0, cx - 4); x <= Math.min(size - 1, cx + 4); x++) {
        const far = Math.max(Math.abs(x - cx), Math.abs(y - cy));
        set(x, y, far !== 2 && far !== 4);
      }
    }
  }
  const places = ALIGNED[version - 1];
  const last = places.length - 1;
  places.forEach((cx, i) =>
    places.forEach((cy, j) => {
      if ((i === 0 && (j === 0 || j === last)) || (i === last && j === 0)) return; // finders
      for (let y = -2; y <= 2; y++) {
        for (let x = -2; x <= 2; x++) {
          set(cx + x, cy + y, Math.max(Math.abs(x), Math.abs(y)) !== 1);
        }
      }
    }),
  );
  drawFormat(set, size, version);
}

function drawFormat(set, size, version) {
  const format = checked(0b01000, 10, 0x537) ^ 0x5412; // level L, mask 0
  const bit = i => (format >> i) & 1;
  for (let i = 0; i < 15; i++) {
    if (i < 8) set(8, i < 6 ? i : i + 1, bit(i));
    else set(i === 8 ? 7 : 14 - i, 8, bit(i));
    if (i < 8) set(size - 1 - i, 8, bit(i));
    else set(8, size - 15 + i, bit(i));
  }
  set(8, size - 8, true);
  if (version < 7) return;
  const told = checked(version, 12, 0x1f25);
  for (let i = 0; i < 18; i++) {
    const a = size - 11 + (i % 3);
    const b = Math.floor(i / 3);
    set(a, b, (told >> i) & 1);
    set(b, a, (told >> i) & 1);
  }
}

/** A number followed by its check bits. */
function checked(value, bits, divisor) {
  let rest = value;
  for (let i = 0; i < bits; i++) rest = (rest << 1) ^ ((rest >> (bits - 1)) * divisor);
  return (value << bits) | rest;
}

/** The text with its padding and error correction, interleaved by blocks. */
function codeWords(bytes, length, checks, count) {
  const bits = [0, 1, 0, 0];
  for (const byte of [bytes.length, ...bytes]) {
    for (let i = 7; i >= 0; i--) bits.push((byte >> i) & 1);
  }
  bits.push(0, 0, 0, 0);
  const data = [];
  for (let i = 0; i < bits.length; i += 8) {
    data.push(bits.slice(i, i + 8).reduce((sum, one) => sum * 2 + one, 0));
  }
  for (let pad = 0xec; data.length < length * count; pad ^= 0xec ^ 0x11) data.push(pad);
  const blocks = Array.from({ length: count }, (_, i) => data.slice(i * length, (i + 1) * length));
  const ends = blocks.map(block => remainder(block, generator(checks)));
  const mixed = (parts, size) =>
    Array.from({ length: size }, (_, i) => parts.map(part => part[i])).flat();
  return [...mixed(blocks, length), ...mixed(ends, checks)];
}

function times(a, b) {
  let product = 0;
  for (let i = 7; i >= 0; i--) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    product ^= ((b >> i) & 1) * a;
  }
  return product;
}

/** The Reed-Solomon divisor of a degree, without its first coefficient, which is 1. */
function generator(degree) {
  const found = Array(degree).fill(0);
  found[degree - 1] = 1;
  let root = 1;
  for (let i = 0; i < degree; i++) {
    for (let j = 0; j < degree; j++) {
      found[j] = times(found[j], root) ^ (found[j + 1] ?? 0);
    }
    root = times(root, 2);
  }
  return found;
}

function remainder(data, divisor) {
  const rest = Array(divisor.length).fill(0);
  for (const byte of data) {
    const factor = byte ^ rest.shift();
    rest.push(0);
    divisor.forEach((one, i) => (rest[i] ^= times(one, factor)));
  }
  return rest;
}
