// The preview, in the image component: what it asks for is made of the codes that the scheduler sent.

import { $, element, fill, setText } from "./elements.js";
import { superscript } from "./format.js";
import { GAP, MAPS, WAITING, gradient } from "./image/colours.js";
import { ImageView } from "./image/image.js";
import { cornersOf, onto, panelsOf, pixelAt, tileOn } from "./seen.js";
import { fit } from "./tiles.js";
import { assembled, cursorOf, kindOf, seen, stateName, view } from "./view.js";

export const COLOURS = ["inferno", "viridis", "grey"].filter((name) => name in MAPS);
const CODES = 0x7f82;
const MOST = 1536; // cells along a side, of panels far apart
const bits = new Uint32Array(1);
const real = new Float32Array(bits.buffer);
let image = null;
let drawn = {};

// `onCursor` is told the pixel that is pointed at, or null
export function makePreview(onCursor) {
  const host = $("preview");
  image = new ImageView(host, { label: "Image so far" });
  image.canvas.style.touchAction = "pan-y";
  host.addEventListener("image-cursor", ({ detail }) => {
    const run = view.document.run;
    const at = detail && [detail.row, detail.column].map((cell, axis) =>
      Math.min((cell + 0.5) * widthOf(run), seen(run).shape[axis] - 0.5));
    onCursor(at && pixelAt(run, ...at));
  });
  // the wheel belongs to the page until the image is chosen
  host.addEventListener("wheel", (event) => {
    if (document.activeElement !== image.canvas && !event.ctrlKey) event.stopPropagation();
  }, { capture: true });
}

export function valueOf(code) {
  bits[0] = (code - 1) << 16;
  return real[0];
}

// the code of the cell of the preview that holds a pixel; 0: nothing is known
export function codeAt(run, { panel, slow, fast }) {
  return view.codes ? view.codes[placesOf(run, panel)(slow, fast)] : 0;
}

// where among the codes those of the pixels of a panel are
function placesOf(run, panel) {
  const [rows, columns, factor] = run.preview;
  const before = assembled(run) ? panel * rows : 0;
  return (slow, fast) => (before + Math.floor(slow / factor)) * columns + Math.floor(fast / factor);
}

export function drawPreview() {
  const run = view.document && view.document.run;
  if (!run || !view.states) return;
  const { width, height } = fit(run);
  $("preview").style.width = `${width}px`;
  $("preview").style.height = `${height}px`;
  showSource(run);
  showScale(run);
  showOverlay(run);
}

// Where

// pixels of the grid that a cell of the image is wide
function widthOf(run) {
  const factor = run.preview[2];
  return assembled(run) ? Math.max(factor, Math.max(...assembled(run).shape) / MOST) : factor;
}

function showSource(run) {
  const key = [view.shown, run.state].join();
  if (drawn.source !== key) {
    image.show(sourceOf(run), { keepView: true });
    drawn = { source: key, version: view.version };
  } else if (drawn.version !== view.version) {
    image.refresh();
    drawn.version = view.version;
  }
}

function sourceOf(run) {
  const width = widthOf(run);
  const shape = seen(run).shape.map((side) => Math.ceil(side / width));
  const panels = seen(run).panels.map((panel) => ({ ...panel,
    ...Object.fromEntries(["corner", "slow_step", "fast_step"].map((name) =>
      [name, panel[name].map((value) => value / width)])) }));
  return { shape, panels, levels: 1, side: Math.max(...shape), tile: async () => pictureOf(run, shape) };
}

// all of the image: each cell has the code of the pixel in its middle
function pictureOf(run, [rows, columns]) {
  const made = new Float32Array(rows * columns);
  const words = new Uint32Array(made.buffer).fill(GAP << 16);
  const width = widthOf(run);
  const factor = run.preview[2];
  const codes = view.codes || new Uint16Array(words.length);
  for (const { panel, number } of panelsOf(run)) {
    const place = onto(panel);
    if (!place) continue;
    const codeOf = placesOf(run, number);
    // the last cells along slow and fast may be cut by the edge of the panel
    const sides = panel.pixels.map((side) => Math.ceil(side / factor) * factor);
    const corners = cornersOf(panel, [0, 0, ...sides]).map((at) => at.map((value) => value / width));
    const span = (axis, most) => [
      Math.max(0, Math.floor(Math.min(...corners.map((at) => at[axis])))),
      Math.min(most, Math.ceil(Math.max(...corners.map((at) => at[axis]))))];
    const [[top, bottom], [left, right]] = [span(0, rows), span(1, columns)];
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++) {
        const [slow, fast] = place((row + 0.5) * width, (column + 0.5) * width);
        if (slow < 0 || fast < 0 || slow >= sides[0] || fast >= sides[1]) continue;
        const code = codes[codeOf(slow, fast)];
        words[row * columns + column] = code ? (code - 1) << 16 : WAITING << 16;
      }
  }
  return made;
}

function showOverlay(run) {
  const width = widthOf(run);
  const small = (points) => points.map((at) => at.map((value) => value / width));
  const cursor = cursorOf(run);
  const on = cursor && panelsOf(run).find(({ number }) => number === cursor.panel);
  image.setOverlay({
    names: $("names").checked && Boolean(assembled(run)),
    rings: seen(run).rings.map(({ d_A, lines }) => ({ d_A, lines: lines.map(small) })),
    chosen: on ? small(cornersOf(on.panel, tileOn(run, on.panel, cursor.row, cursor.column))) : null,
  });
}

// How bright

function showScale(run) {
  const options = [$("colours").value, Number($("decades").value)];
  const done = view.states.every((state) => ["done", "retried"].includes(stateName(state)));
  const key = [drawn.source, view.version, done, ...options].join();
  if (drawn.scale === key) return;
  drawn.scale = key;
  const nothing = done ? "No preview is kept" : "Nothing yet"; // of what was done long ago
  const range = view.codes ? rangeOf(view.codes, run.faintest_photons, options[1]) : { empty: nothing };
  const kind = kindOf(run);
  // of an image that is empty all is as dark as nothing
  image.setScale({ map: options[0], log: true, ...(range.empty ? { low: 1e37, high: 1e38 } : range) });
  $("preview-none").hidden = !range.empty;
  $("scale").classList.toggle("none", Boolean(range.empty));
  setText("preview-none", range.empty ? `${range.empty}.` : "");
  const ends = range.empty ? "" :
    `from ${range.low.toPrecision(2)} to ${range.high.toPrecision(2)} ${kind} a pixel`;
  image.canvas.setAttribute("aria-label",
    range.empty ? `Image so far: ${range.empty}` : `Image so far, ${ends}`);
  if (range.empty) return;
  $("scale").setAttribute("aria-label", `Logarithmic colour scale ${ends}`);
  fill("scale", key, () => {
    const bar = element("div", undefined, "ramp");
    bar.style.background = `linear-gradient(to right, ${gradient(options[0])})`;
    return [bar, element("span", `${kind}/pixel`, "unit"), ...ticks(range)];
  });
}

// codes grow with the values, so that a histogram of them gives exact percentiles
function rangeOf(codes, faintest, decades) {
  const histogram = new Uint32Array(CODES);
  let [count, highest] = [0, 0];
  for (const code of codes) {
    if (code > highest) highest = code;
    if (code < 2) continue;
    histogram[code]++;
    count++;
  }
  if (!highest) return { empty: "Nothing yet" };
  if (!count) return { empty: "Nothing but zeros" };
  const high = Math.min(valueOf(highest), 3e38);
  if (high < faintest) return { empty: `Next to nothing: at most ${high.toPrecision(2)} a pixel` };
  if (decades) return { low: high / 10 ** decades, high };
  const low = Math.max(quantile(histogram, 0.1 * count), high * 1e-8);
  return { low, high: Math.max(Math.min(quantile(histogram, 0.995 * count), high), 10 * low) };
}

function quantile(histogram, rank) {
  let code = 2;
  for (let below = histogram[code]; below < rank; below += histogram[code]) code++;
  return valueOf(code);
}

function ticks({ low, high }) {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const step = Math.max(1, Math.ceil((to - from) / 8));
  const digits = to - from < 3 ? [1, 2, 5] : [1];
  const found = [];
  for (let power = Math.floor(from); power <= to; power += step)
    for (const digit of digits) {
      const value = digit * 10 ** power;
      if (value < low || value > high) continue;
      const long = `${digit === 1 ? "" : `${digit}·`}10${superscript(power)}`;
      const tick = element("span", Math.abs(power) < 3 ? String(Number(value.toPrecision(1))) : long, "tick");
      tick.style.left = `${(100 * (Math.log10(value) - from)) / (to - from)}%`;
      found.push(tick);
    }
  return found;
}
