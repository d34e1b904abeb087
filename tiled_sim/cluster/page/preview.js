// The preview.

import { finishAll, onPanel, panelsOf, write } from "./assembled.js";
import { cellOf, drawCursor, fit, line, mapped, pixels, prepared } from "./canvas.js";
import { $, colour, setText } from "./elements.js";
import { superscript } from "./format.js";
import { assembled, kindOf, view } from "./view.js";

export const COLOURS = {
  inferno: "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 d24644 e45a31 f1731d f98e09 fcac11 f9cb35 f2ea69 fcffa4",
  viridis: "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725",
  grey: "ffffff f0f0f0 e2e2e2 d3d3d3 c4c4c4 b5b5b5 a5a5a5 959595 858585 747474 646464 535353 424242 323232 212121 111111 000000",
};
const CODES = 0x7f82;

function drawRings(context, run, size) {
  const { rings, shape } = assembled(run);
  const scale = size.width / shape[1];
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const { d_A, lines } of rings) {
    context.strokeStyle = "rgb(255 255 255 / 70%)";
    context.lineWidth = 1;
    context.beginPath();
    for (const points of lines)
      points.forEach(([row, column], index) =>
        (index ? context.lineTo : context.moveTo).call(context, scale * column, scale * row));
    context.stroke();
    const longest = lines.reduce((one, other) => (other.length > one.length ? other : one));
    const [row, column] = longest[Math.floor(longest.length / 2)];
    context.font = "11px system-ui, Arial, sans-serif";
    write(context, `${d_A} Å`, scale * column, scale * row, 2.5);
  }
}

function drawAllPreviews(context, run, size, canvases) {
  const [slow, fast, factor] = run.preview;
  for (const on of panelsOf(run, size))
    onPanel(context, on, () => {
      context.fillStyle = colour("--unknown");
      context.fillRect(0, 0, on.panel.pixels[1], on.panel.pixels[0]);
      if (canvases) context.drawImage(canvases[on.number], 0, 0, fast * factor, slow * factor);
    });
  drawRings(context, run, size);
  finishAll(context, run, size);
}

const bits = new Uint32Array(1);
const real = new Float32Array(bits.buffer);

export function valueOf(code) {
  bits[0] = (code - 1) << 16;
  return real[0];
}

// codes grow with the values, so that a histogram of them gives exact percentiles
function rangeOf(codes, faintest) {
  const histogram = new Uint32Array(CODES);
  let count = 0;
  let highest = 0;
  for (const code of codes) {
    if (code > highest) highest = code;
    if (code < 2) continue;
    histogram[code]++;
    count++;
  }
  if (!highest) return { empty: "nothing yet" };
  if (!count) return { empty: "nothing but zeros" };
  const high = Math.min(valueOf(highest), 3e38);
  if (high < faintest) return { empty: `next to nothing: at most ${high.toPrecision(2)} a pixel` };
  const decades = Number($("decades").value);
  if (decades) return { low: high / 10 ** decades, high };
  const low = Math.max(quantile(histogram, 0.1 * count), high * 1e-8);
  return { low, high: Math.max(Math.min(quantile(histogram, 0.995 * count), high), 10 * low) };
}

function quantile(histogram, rank) {
  let code = 2;
  for (let below = histogram[code]; below < rank; below += histogram[code]) code++;
  return valueOf(code);
}

function ramp() {
  const anchors = COLOURS[$("colours").value].split(" ").map((hex) => parseInt(hex, 16));
  return (t) => {
    const at = Math.max(0, Math.min(1, t)) * (anchors.length - 1);
    const [one, other] = [anchors[Math.floor(at)], anchors[Math.ceil(at)]];
    const mix = (shift) => {
      const [a, b] = [(one >> shift) & 255, (other >> shift) & 255];
      return Math.round(a + (b - a) * (at - Math.floor(at)));
    };
    return (0xff000000 | (mix(0) << 16) | (mix(8) << 8) | mix(16)) >>> 0;
  };
}

export function drawPreview() {
  const run = view.document && view.document.run;
  if (!run) return;
  const size = fit(run);
  const context = prepared($("preview"), size);
  const { canvas, canvases, range } = pictureOf(run);
  $("preview").classList.toggle("assembled", Boolean(assembled(run)));
  $("preview-none").hidden = Boolean(canvas || assembled(run));
  setText("preview-none", run.done ? "No preview of this panel." : "The first tile is not done yet.");
  $("preview").setAttribute("aria-label", range.empty ? `Image so far: ${range.empty}`
    : `Image so far, from ${range.low.toPrecision(2)} to ${range.high.toPrecision(2)} ${kindOf(run)} a pixel`);
  drawScale(range, kindOf(run));
  if (assembled(run)) return drawAllPreviews(context, run, size, canvases);
  if (!canvas) return;
  const [slow, fast, factor] = run.preview;
  context.imageSmoothingEnabled = size.width < fast;
  context.drawImage(canvas, 0, 0,
    (size.width * fast * factor) / run.shape[3], (size.height * slow * factor) / run.shape[2]);
  drawCursor(context, cellOf(run, size));
}

// made anew only when something has changed: it is drawn whenever the pointer moves
function pictureOf(run) {
  const key = [view.shown, view.version, $("colours").value, $("decades").value, run.done > 0].join();
  if (view.picture.key !== key) {
    const range = view.codes ? rangeOf(view.codes, run.faintest_photons) : { empty: "nothing yet" };
    const [slow, fast] = run.preview;
    const table = view.codes && tableOf(range);
    const drawn = (codes) => pixels(fast, slow, mapped(codes, table));
    const one = (_, at) => drawn(view.codes.subarray(at * slow * fast, (at + 1) * slow * fast));
    const canvases = view.codes && assembled(run) && Array.from({ length: run.shape[1] }, one);
    view.picture = { key, range, canvases, canvas: !canvases && view.codes && drawn(view.codes) };
  }
  return view.picture;
}

// the colour of every code; 0, nothing known, is transparent, and 1 is no photons
function tableOf(range) {
  const paint = ramp();
  const table = new Uint32Array(CODES).fill(paint(0));
  table[0] = 0;
  if (range.empty) return table;
  const floor = Math.log(range.low);
  const span = Math.log(range.high) - floor;
  for (let code = 2; code < CODES; code++)
    table[code] = paint((Math.log(valueOf(code)) - floor) / span);
  return table;
}

function ticks(range) {
  const [low, high] = [Math.log10(range.low), Math.log10(range.high)];
  const step = Math.max(1, Math.ceil((high - low) / 8));
  const digits = high - low < 3 ? [1, 2, 5] : [1];
  const found = [];
  for (let power = Math.floor(low); power <= high; power += step)
    for (const digit of digits) {
      const label = `${digit === 1 ? "" : `${digit}·`}10${superscript(power)}`;
      found.push([digit * 10 ** power, label]);
    }
  return found.filter(([value]) => value >= range.low && value <= range.high);
}

function drawScale(range, kind) {
  $("scale").hidden = Boolean(range.empty);
  $("scale-none").hidden = !range.empty;
  setText("scale-none", range.empty || "");
  if (range.empty) return;
  const size = { width: $("preview-stage").clientWidth, height: 36 };
  const context = prepared($("scale"), size);
  $("scale").setAttribute("aria-label", "Logarithmic colour scale from " +
    `${range.low.toPrecision(2)} to ${range.high.toPrecision(2)} ${kind} a pixel`);
  const paint = ramp();
  const left = 20;
  const width = size.width - 130;
  context.drawImage(pixels(256, 1, Uint32Array.from({ length: 256 }, (_, i) => paint(i / 255))),
    left, 1, width, 12);
  context.font = "12px system-ui, Arial, sans-serif";
  context.fillStyle = context.strokeStyle = colour("--soft");
  context.textAlign = "center";
  context.beginPath();
  for (const [value, label] of ticks(range)) {
    const x = left + (width * Math.log(value / range.low)) / Math.log(range.high / range.low);
    line(context, x, 13, x, 17);
    context.fillText(label, x, 30);
  }
  context.stroke();
  context.textAlign = "left";
  context.fillText(`${kind}/pixel`, left + width + 12, 12);
}
