// The map of tiles.

import { $, colour } from "./elements.js";
import { lineOf, writeText } from "./image/drawing.js";
import { word } from "./image/colours.js";
import { cornersOf, panelsOf, placeOn, tileOn } from "./seen.js";
import { LETTER, cursorOf, partsShown, seen, startOf, view } from "./view.js";

const HIGHEST = 620;
const SMALLEST = 8; // of a tile that has an outline and a mark

export function drawMap() {
  const run = view.document && view.document.run;
  if (!run || !view.states) return;
  const size = fit(run);
  const map = { run, context: prepared($("map"), size), scale: size.width / seen(run).shape[1] };
  drawStates(map);
  drawMarks(map);
  if ($("names").checked) drawNames(map);
  drawCursor(map);
}

// sides of the map and the preview [CSS pixel]
export function fit(run) {
  const [rows, columns] = seen(run).shape;
  const aspect = rows / columns;
  const room = $("map-stage").clientWidth;
  const width = Math.max(1, Math.floor(Math.min(room, HIGHEST / aspect)));
  return { width, height: Math.max(1, Math.round(width * aspect)) };
}

function prepared(canvas, size) {
  const dense = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(size.width * dense), Math.round(size.height * dense)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = `${size.width}px`;
    canvas.style.height = `${size.height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(dense, 0, 0, dense, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.imageSmoothingEnabled = false;
  return context;
}

function eachTile({ run }, { panel }, draw) {
  for (let place = 0; place < run.grid[0] * run.grid[1]; place++) {
    const tile = tileOn(run, panel, Math.floor(place / run.grid[1]), place % run.grid[1]);
    if (tile[0] < tile[2] && tile[1] < tile[3]) draw(place, tile);
  }
}

// the shorter side of a tile on the page
function sideOf({ run, scale }, { panel }) {
  return scale * Math.min(
    run.tile[2] * Math.hypot(...panel.slow_step), run.tile[3] * Math.hypot(...panel.fast_step));
}

// closed, added to the path
function outline({ scale, context }, panel, tile) {
  lineOf(context, cornersOf(panel, tile).map(([row, column]) => [scale * column, scale * row]));
  context.closePath();
}

// the states as a picture, a pixel a tile
function pictureOf(run, start, table) {
  const [rows, columns] = run.grid;
  const made = document.createElement("canvas");
  [made.width, made.height] = [columns, rows];
  const image = new ImageData(columns, rows);
  const words = new Uint32Array(image.data.buffer);
  for (let place = 0; place < words.length; place++) words[place] = table[view.states[start + place]];
  made.getContext("2d").putImageData(image, 0, 0);
  return made;
}

function drawStates(map) {
  const { run, context, scale } = map;
  const table = {};
  for (const [letter, name] of Object.entries(LETTER))
    table[letter.charCodeAt(0)] = word(colour(`--${name}`));
  const shares = partsShown(run);
  const [done, edge] = [colour("--done"), colour("--card")];
  for (const on of panelsOf(run)) {
    const { panel, number } = on;
    const start = startOf(run, number);
    const [corner, slow, fast] = [panel.corner, panel.slow_step, panel.fast_step];
    context.save();
    context.transform(scale * fast[1], scale * fast[0], scale * slow[1], scale * slow[0],
      scale * corner[1], scale * corner[0]);
    context.beginPath();
    context.rect(0, 0, panel.pixels[1], panel.pixels[0]);
    context.clip();
    context.drawImage(pictureOf(run, start, table), 0, 0,
      run.grid[1] * run.tile[3], run.grid[0] * run.tile[2]);
    context.fillStyle = done;
    eachTile(map, on, (place, [fromSlow, fromFast, toSlow, toFast]) => {
      const share = shares.get(start + place) || 0; // from the top of the tile on
      context.fillRect(fromFast, fromSlow, toFast - fromFast, share * (toSlow - fromSlow));
    });
    context.restore();
    context.strokeStyle = edge;
    context.lineWidth = 1;
    context.beginPath();
    if (sideOf(map, on) >= SMALLEST) eachTile(map, on, (_, tile) => outline(map, panel, tile));
    else if (scale * panel.pixels[0] > SMALLEST) outline(map, panel, [0, 0, ...panel.pixels]);
    context.stroke();
  }
}

// beside their colour: a cross for failed, a dot for running, a slash for retried
function drawMarks(map) {
  const { run, context, scale } = map;
  const dots = new Path2D();
  context.strokeStyle = context.fillStyle = colour("--mark");
  for (const on of panelsOf(run)) {
    const side = sideOf(map, on);
    if (side <= SMALLEST) continue;
    const r = Math.min(side, 40) / 5;
    context.lineWidth = Math.max(1.25, r / 3);
    context.beginPath();
    eachTile(map, on, (place, [slow, fast, slowEnd, fastEnd]) => {
      const letter = String.fromCharCode(view.states[startOf(run, on.number) + place]);
      const [y, x] = placeOn(on.panel, (slow + slowEnd) / 2, (fast + fastEnd) / 2).map((at) => at * scale);
      if (letter === "f") lineOf(context, [[x - r, y - r], [x + r, y + r]]);
      if (letter === "f" || letter === "t") lineOf(context, [[x - r, y + r], [x + r, y - r]]);
      if (letter === "r") {
        dots.moveTo(x, y);
        dots.arc(x, y, r / 2, 0, 7);
      }
    });
    context.stroke();
  }
  context.fill(dots);
}

function drawNames({ run, context, scale }) {
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const { panel } of panelsOf(run)) {
    const columns = cornersOf(panel, [0, 0, ...panel.pixels]).map((corner) => corner[1]);
    const room = scale * (Math.max(...columns) - Math.min(...columns));
    const size = Math.max(5, Math.min(12, room / (0.8 * Math.max(panel.name.length, 1))));
    const [y, x] = placeOn(panel, panel.pixels[0] / 2, panel.pixels[1] / 2).map((at) => at * scale);
    writeText(context, panel.name, x, y, { size, fill: "#ffffff" });
  }
}

function drawCursor(map) {
  const { run, context } = map;
  const cursor = cursorOf(run);
  const on = cursor && panelsOf(run).find(({ number }) => number === cursor.panel);
  if (!on) return;
  for (const [width, stroke] of [[4, "#ffffff"], [2, "#000000"]]) {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.beginPath();
    outline(map, on.panel, tileOn(run, on.panel, cursor.row, cursor.column));
    context.stroke();
  }
}
