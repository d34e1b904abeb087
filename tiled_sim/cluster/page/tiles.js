// The map of tiles.

import { finishAll, onPanel, outline, panelsOf, placeOn, tileOn } from "./assembled.js";
import { cellOf, drawCursor, fit, line, mapped, pixels, prepared, word } from "./canvas.js";
import { $, colour } from "./elements.js";
import { LETTER, assembled, partsShown, view } from "./view.js";

export function drawMap() {
  const run = view.document && view.document.run;
  if (!run || !view.states) return;
  const [rows, columns] = run.grid;
  const size = fit(run);
  const context = prepared($("map"), size);
  const table = new Uint32Array(256);
  for (const [letter, name] of Object.entries(LETTER))
    table[letter.charCodeAt(0)] = word(colour(`--${name}`));
  if (assembled(run)) return drawAllTiles(context, run, size, table);
  const cell = cellOf(run, size);
  context.drawImage(pixels(columns, rows, mapped(view.states, table)), 0, 0,
    columns * cell.width, rows * cell.height);
  drawParts(context, run, cell);
  if (Math.min(cell.width, cell.height) >= 8) drawGrid(context, rows, columns, cell, size);
  if (Math.min(cell.width, cell.height) >= 9) drawMarks(context, columns, cell);
  drawCursor(context, cell);
}

// what is done of a running tile, from its top on
function drawParts(context, run, cell) {
  context.fillStyle = colour("--done");
  for (const [place, share] of partsShown(run)) {
    const [column, row] = [place % run.grid[1], Math.floor(place / run.grid[1])];
    context.fillRect(column * cell.width, row * cell.height, cell.width, share * cell.height);
  }
}

function drawGrid(context, rows, columns, cell, size) {
  context.strokeStyle = colour("--card");
  context.lineWidth = 1;
  context.beginPath();
  for (let row = 1; row < rows; row++) line(context, 0, row * cell.height, size.width, row * cell.height);
  for (let at = 1; at < columns; at++) line(context, at * cell.width, 0, at * cell.width, size.height);
  context.stroke();
}

// beside their colour: a cross for failed, a dot for running, a slash for retried
function drawMarks(context, columns, cell) {
  const places = Array.from(view.states, (state, index) => [state,
    ((index % columns) + 0.5) * cell.width, (Math.floor(index / columns) + 0.5) * cell.height]);
  markStates(context, places, Math.min(cell.width, cell.height, 40) / 5);
}

// [state, x, y] of the middle of tiles, and half the height of a mark
function markStates(context, places, r) {
  context.strokeStyle = context.fillStyle = colour("--mark");
  context.lineWidth = Math.max(1.25, r / 3);
  const dots = new Path2D();
  context.beginPath();
  places.forEach(([state, x, y]) => {
    const letter = String.fromCharCode(state);
    if (letter === "f") line(context, x - r, y - r, x + r, y + r);
    if (letter === "f" || letter === "t") line(context, x - r, y + r, x + r, y - r);
    if (letter === "r") {
      dots.moveTo(x, y);
      dots.arc(x, y, r / 2, 0, 7);
    }
  });
  context.stroke();
  context.fill(dots);
}

function drawAllTiles(context, run, size, table) {
  const [rows, columns] = run.grid;
  const count = rows * columns;
  const first = Math.floor(view.frame / run.tile[0]) * Math.ceil(run.shape[1] / run.tile[1]) * count;
  const shares = new Map(run.parts.map(({ tile, share }) => [tile - first, share]));
  const marks = [];
  let smallest = Infinity;
  for (const on of panelsOf(run, size)) {
    const start = Math.floor(on.number / run.tile[1]) * count;
    const states = view.states.subarray(start, start + count);
    const picture = pixels(columns, rows, mapped(states, table));
    onPanel(context, on, () => {
      context.drawImage(picture, 0, 0, columns * run.tile[3], rows * run.tile[2]);
      context.fillStyle = colour("--done");
      for (let place = 0; place < count; place++) {
        const share = shares.get(start + place);
        if (!share) continue;
        const [slow, fast, slowEnd, fastEnd] = tileOn(run, on, Math.floor(place / columns), place % columns);
        context.fillRect(fast, slow, fastEnd - fast, share * (slowEnd - slow));
      }
    });
    context.strokeStyle = colour("--card");
    context.lineWidth = 1;
    context.beginPath();
    const side = on.scale * Math.min(
      run.tile[2] * Math.hypot(...on.panel.slow_step), run.tile[3] * Math.hypot(...on.panel.fast_step));
    for (let place = 0; place < count; place++) {
      const tile = tileOn(run, on, Math.floor(place / columns), place % columns);
      if (tile[0] >= tile[2] || tile[1] >= tile[3]) continue;
      if (side >= 8) outline(context, on, tile);
      if (side >= 9) marks.push([states[place], ...placeOn(on, (tile[0] + tile[2]) / 2, (tile[1] + tile[3]) / 2)]);
    }
    if (side < 8 && on.scale * on.panel.pixels[0] > 8) outline(context, on, [0, 0, ...on.panel.pixels]);
    context.stroke();
    smallest = Math.min(smallest, side);
  }
  markStates(context, marks, Math.min(smallest, 40) / 5);
  finishAll(context, run, size);
}
