// What the map and the preview draw with.

import { $ } from "./elements.js";
import { assembled, view } from "./view.js";

const HIGHEST = 620;

export function fit(run) {
  const [rows, columns] = assembled(run) ? assembled(run).shape : run.shape.slice(2);
  const aspect = rows / columns;
  const room = $("map-stage").clientWidth;
  const width = Math.max(1, Math.floor(Math.min(room, HIGHEST / aspect)));
  return { width, height: Math.max(1, Math.round(width * aspect)) };
}

// a whole tile as it is drawn; those in the last row and column may be cut by the panel's edge
export function cellOf(run, size) {
  return {
    width: (size.width * run.tile[3]) / run.shape[3],
    height: (size.height * run.tile[2]) / run.shape[2],
  };
}

export function prepared(canvas, size) {
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

export function pixels(width, height, words) {
  const made = document.createElement("canvas");
  made.width = width;
  made.height = height;
  const data = new ImageData(new Uint8ClampedArray(words.buffer), width, height);
  made.getContext("2d").putImageData(data, 0, 0);
  return made;
}

export function mapped(source, table) {
  const words = new Uint32Array(source.length);
  for (let at = 0; at < words.length; at++) words[at] = table[source[at]];
  return words;
}

export function word(hex) {
  const number = parseInt(hex.replace("#", ""), 16);
  return (0xff000000 | ((number & 255) << 16) | (number & 0xff00) | (number >> 16)) >>> 0;
}

export function line(context, x, y, toX, toY) {
  context.moveTo(x, y);
  context.lineTo(toX, toY);
}

export function drawCursor(context, cell) {
  if (!view.cursor) return;
  for (const [width, stroke] of [[4, "#ffffff"], [2, "#000000"]]) {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.strokeRect(view.cursor.column * cell.width, view.cursor.row * cell.height,
      cell.width, cell.height);
  }
}
