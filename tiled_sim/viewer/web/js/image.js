// An image of any size in a canvas: pan and zoom through a pyramid of tiles.
//
//   const image = new ImageView(host, { label: "Expected photons", bytes: 40 << 20 });
//   image.show(source);                                     // null: nothing
//   image.setScale({ map: "inferno", log: true, low: 0.01, high: 100 });   // or image.autoScale()
//   image.setOverlay({ outlines: true, names: false, rings: [{ d_A: 2, lines }],
//                      marks: [{ row, column, label, faint, radius }],   // in cells
//                      chosen: null });                    // or corners [row, column] of a part
//
// `host` is an element that has a size; a canvas fills it. A *cell* is a pixel of level 0, and places
// are [row, column] in cells from the upper left corner, the middle of the first cell at 0.5, 0.5.
//
// A *source* says what there is:
//   shape    [rows, columns] of level 0; level n has half as many as level n - 1, rounded up
//   levels   how many there are, at least 1
//   side     of a tile, in cells of its level
//   panels   [{ name, pixels: [slow, fast], corner, slow_step, fast_step, depth_mm }]: places and steps
//            from a pixel to the next as [rows, columns] in cells; may be empty
//   tile(level, row, column, signal)   promise of a Float32Array or Int32Array, row by row, of the tile
//            at this place among those of the level, cut where the image ends. Cells without a value are
//            those of colours.js: NaN of a kind (`WAITING << 16` as bits, `MASKED`, `GAP`), or the
//            least three whole numbers. What is asked for and no longer wanted is aborted.
// It is asked again for tiles that had waiting cells after `image.refresh()`. A source whose values have
// become others is shown anew: `image.show(source, { keepView: true })`.
//
// Events on the host (CustomEvent; `detail`):
//   image-cursor  { row, column, by } or null: the cell under the pointer, or that the keys moved to
//   image-pick    { row, column }: a click, or Enter
//   image-view    { row, column, scale }: what is in the middle, CSS pixels a cell
//   image-settled {}: all that is wanted is shown
//   image-trouble { error }: a tile cannot be had (null: it is over)
//
// Keys, while the canvas has the focus: arrows move the cursor (with Shift ten times as far), + and -
// zoom about it, 0 shows everything, 1 a cell a pixel of the screen, Enter picks, Escape lets go.

import { rangeOf, read, tableOf } from "./colours.js";
import { Tiles, keyOf, sizeOf } from "./tiles.js";
import { hatch, lineOf, writeText } from "./drawing.js";

const CLOSEST = 64; // CSS pixels a cell
const LONG = 10; // times as far, with Shift
const STEP = 12; // of the cursor, at least [CSS pixel]
const CLICK = 4; // less than this is no drag [CSS pixel]
const LOADING = "#5d646e";
const NAMED_FROM = 3; // marks have their labels written beside them [CSS pixel a cell]
const NAMES_FROM = 28; // a panel that is narrower has no name written on it [CSS pixel]

export class ImageView {
  constructor(host, { label, bytes = 40 << 20 } = {}) {
    this.host = host;
    this.bytes = bytes;
    this.source = null;
    this.tiles = null;
    this.scale = { map: "inferno", log: true, low: 0.01, high: 100 };
    this.table = tableOf(this.scale);
    this.overlay = { outlines: true, names: false, rings: [], marks: [], chosen: null };
    this.view = { row: 0, column: 0, scale: 1 };
    this.cursor = null;
    this.picked = null;
    this.fitted = true;
    this.pointers = new Map();
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", label || "Image");
    this.canvas.setAttribute("aria-roledescription", "zoomable image");
    Object.assign(this.canvas.style, { display: "block", width: "100%", height: "100%", touchAction: "none", cursor: "crosshair" });
    host.append(this.canvas);
    this.listen();
  }

  // What is shown

  show(source, { keepView = false } = {}) {
    const same = keepView && this.source && source &&
      source.shape.every((side, axis) => side === this.source.shape[axis]);
    if (this.tiles) this.tiles.clear();
    this.source = source;
    this.settled = false;
    this.tiles = source && new Tiles(source, {
      bytes: this.bytes, changed: () => this.redraw(),
      failed: (error) => this.tell("trouble", { error }),
    });
    if (source && !same) {
      this.cursor = this.picked = null;
      this.fit();
    }
    this.redraw();
  }

  setScale(scale) {
    this.scale = { ...this.scale, ...scale };
    this.table = tableOf(this.scale);
    this.redraw();
  }

  // a range by what of the image is shown now; promise of it, `empty` where nothing is to be seen
  async autoScale({ log = this.scale.log, kind = "level" } = {}) {
    const places = this.visible(this.levelShown());
    const tiles = await Promise.all(places.map((place) => this.tiles.promise(place)));
    const range = rangeOf(tiles.filter(Boolean).map((one) => one.values), log, kind);
    this.setScale({ log, low: range.low, high: range.high });
    return range;
  }

  setOverlay(overlay) {
    this.overlay = { ...this.overlay, ...overlay };
    this.redraw();
  }

  refresh() {
    if (!this.tiles) return;
    this.tiles.refresh();
    this.settled = false;
    this.redraw();
  }

  // Where it is shown

  get size() {
    return { width: this.host.clientWidth, height: this.host.clientHeight };
  }

  get smallest() {
    const { width, height } = this.size;
    return Math.min(height / this.source.shape[0], width / this.source.shape[1]);
  }

  fit() {
    if (!this.source || !this.size.width || !this.size.height) return;
    const [rows, columns] = this.source.shape;
    this.setView({ row: rows / 2, column: columns / 2, scale: this.smallest });
    this.fitted = true;
  }

  setView({ row = this.view.row, column = this.view.column, scale = this.view.scale }, quietly = false) {
    if (!this.source) return;
    const [rows, columns] = this.source.shape;
    const least = Math.min(this.smallest, 1) / 1.5;
    this.view = {
      row: Math.max(0, Math.min(rows, row)), column: Math.max(0, Math.min(columns, column)),
      scale: Math.max(least, Math.min(CLOSEST, scale)),
    };
    this.fitted = false;
    this.settled = false;
    if (!quietly) this.tell("view", { ...this.view });
    this.redraw();
  }

  // zoom so that a place of the canvas stays where it is
  zoomBy(factor, [x, y] = [this.size.width / 2, this.size.height / 2]) {
    if (!this.source) return;
    const { width, height } = this.size;
    const before = this.placeAt(x, y);
    const scale = Math.max(Math.min(this.smallest, 1) / 1.5, Math.min(CLOSEST, this.view.scale * factor));
    this.setView({
      row: before.row - (y - height / 2) / scale, column: before.column - (x - width / 2) / scale, scale,
    });
  }

  // cells (not whole) at a place of the canvas, and the other way round
  placeAt(x, y) {
    const { width, height } = this.size;
    const { row, column, scale } = this.view;
    return { row: row + (y - height / 2) / scale, column: column + (x - width / 2) / scale };
  }

  onCanvas(row, column) {
    const { width, height } = this.size;
    return [width / 2 + (column - this.view.column) * this.view.scale,
      height / 2 + (row - this.view.row) * this.view.scale];
  }

  // What is there

  isInside(row, column) {
    return row >= 0 && column >= 0 && row < this.source.shape[0] && column < this.source.shape[1];
  }

  // a number, or "waiting", "masked", "gap", of the finest level that is here: { value, level }; or null
  valueAt(row, column) {
    if (!this.source || !this.isInside(row, column)) return null;
    const side = this.source.side;
    for (let level = 0; level < this.source.levels; level++) {
      const [down, right] = [row, column].map((at) => Math.floor(at / 2 ** level));
      const one = this.tiles.kept.get(keyOf(level, Math.floor(down / side), Math.floor(right / side)));
      if (one)
        return { value: read(one.values, (down % side) * one.width + (right % side)), level };
    }
    return null;
  }

  // promise of what level 0 has there
  async exactAt(row, column) {
    if (!this.source || !this.isInside(row, column)) return null;
    const side = this.source.side;
    const [down, right] = [row, column].map(Math.floor);
    const one = await this.tiles.promise(
      { level: 0, row: Math.floor(down / side), column: Math.floor(right / side) });
    return one && read(one.values, (down % side) * one.width + (right % side));
  }

  // Drawing

  redraw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.draw();
    });
  }

  get dense() {
    return Math.min(window.devicePixelRatio || 1, 2);
  }

  levelShown() {
    const ideal = Math.round(Math.log2(1 / (this.view.scale * this.dense)));
    return Math.max(0, Math.min(this.source.levels - 1, ideal));
  }

  // places of the tiles of a level that are seen, the middle first
  visible(level) {
    const { width, height } = this.size;
    const side = this.source.side * 2 ** level;
    const [low, high] = [this.placeAt(0, 0), this.placeAt(width, height)];
    const [rows, columns] = sizeOf(this.source, level).map((cells) => Math.ceil(cells / this.source.side));
    const span = (from, to, count) => [Math.max(0, Math.floor(from / side)), Math.min(count - 1, Math.floor(to / side))];
    const [[top, bottom], [left, right]] = [span(low.row, high.row, rows), span(low.column, high.column, columns)];
    const found = [];
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= right; column++) found.push({ level, row, column });
    const away = ({ row, column }) =>
      Math.hypot((row + 0.5) * side - this.view.row, (column + 0.5) * side - this.view.column);
    return found.sort((one, other) => away(one) - away(other));
  }

  draw() {
    const { width, height } = this.size;
    const dense = this.dense;
    const [wide, high] = [Math.round(width * dense), Math.round(height * dense)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, wide, high);
    if (!this.source || !width || !height) return;
    const level = this.levelShown();
    const shown = this.visible(level);
    const used = new Set();
    let all = true;
    for (const place of shown) all = this.drawTile(context, place, used) && all;
    const coarsest = this.source.levels - 1;
    this.tiles.want([...shown, ...this.visible(coarsest).slice(0, 4)]); // these for what comes next
    this.tiles.trim(used);
    context.setTransform(dense, 0, 0, dense, 0, 0);
    this.drawOverlay(context);
    if (all && !this.settled && !this.tiles.asked.size) {
      this.settled = true;
      this.tell("settled", {});
    }
  }

  // a tile, or what coarser ones have of it; whether it is here itself
  drawTile(context, place, used) {
    const dense = this.dense;
    const side = this.source.side;
    const size = sizeOf(this.source, place.level);
    const factor = 2 ** place.level;
    const [top, left] = [place.row * side, place.column * side];
    const [bottom, right] = [Math.min(top + side, size[0]), Math.min(left + side, size[1])];
    const corner = (row, column) =>
      this.onCanvas(Math.min(row * factor, this.source.shape[0]), Math.min(column * factor, this.source.shape[1]))
        .map((at) => Math.round(at * dense));
    const [x, y] = corner(top, left);
    const [toX, toY] = corner(bottom, right);
    const own = keyOf(place.level, place.row, place.column);
    for (let level = place.level; level < this.source.levels; level++) {
      const down = 2 ** (level - place.level);
      const key = keyOf(level, Math.floor(place.row / down), Math.floor(place.column / down));
      const one = this.tiles.get(key);
      if (!one) continue;
      used.add(key);
      const picture = this.tiles.painted(one, this.table);
      if (one.waiting) {
        context.fillStyle = hatch(context, dense);
        context.fillRect(x, y, toX - x, toY - y);
      }
      // a cell of the edge may reach beyond the image, and is drawn as far as it does not
      const [fromRow, fromColumn] = [top / down - one.row * side, left / down - one.column * side];
      const rows = Math.min(bottom * factor, this.source.shape[0]) / 2 ** level - top / down;
      const columns = Math.min(right * factor, this.source.shape[1]) / 2 ** level - left / down;
      context.imageSmoothingEnabled = this.view.scale * dense * 2 ** level < 1;
      context.drawImage(picture, fromColumn, fromRow, columns, rows, x, y, toX - x, toY - y);
      return key === own && !one.stale;
    }
    context.fillStyle = LOADING;
    context.fillRect(x, y, toX - x, toY - y);
    return false;
  }

  drawOverlay(context) {
    const { outlines, names, rings, marks, chosen } = this.overlay;
    if (outlines) this.drawOutlines(context);
    this.drawRings(context, rings);
    if (names) this.drawNames(context);
    this.drawMarks(context, marks);
    if (chosen) this.drawChosen(context, chosen);
    if (this.picked) this.drawCell(context, this.picked, "#ffd84d");
    if (this.cursor && this.cursor.by === "keys") this.drawCell(context, this.cursor, "#ffffff");
  }

  cornersOf({ corner, slow_step, fast_step, pixels: [slow, fast] }) {
    return [[0, 0], [0, fast], [slow, fast], [slow, 0]].map(([down, right]) => this.onCanvas(
      corner[0] + down * slow_step[0] + right * fast_step[0],
      corner[1] + down * slow_step[1] + right * fast_step[1]));
  }

  panelsInView() {
    const { width, height } = this.size;
    return this.source.panels.map((panel) => ({ panel, corners: this.cornersOf(panel) }))
      .filter(({ corners }) => [[0, width], [1, height]].every(([axis, most]) =>
        corners.some((at) => at[axis] > 0) && corners.some((at) => at[axis] < most)));
  }

  drawOutlines(context) {
    const seen = this.panelsInView();
    const across = ({ corners: [one, , other] }) => Math.hypot(other[0] - one[0], other[1] - one[1]);
    const largest = Math.max(0, ...seen.map(across));
    context.beginPath();
    for (const one of seen)
      if (across(one) >= 6) lineOf(context, [...one.corners, one.corners[0]]);
    context.lineWidth = 1;
    // of many small panels they must not hide what is on them
    context.strokeStyle = `rgb(120 210 235 / ${Math.max(25, Math.min(75, largest / 3))}%)`;
    context.stroke();
  }

  drawNames(context) {
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const { panel, corners } of this.panelsInView()) {
      const room = Math.max(...corners.map(([x]) => x)) - Math.min(...corners.map(([x]) => x));
      if (room < NAMES_FROM) continue;
      const size = Math.max(8, Math.min(13, room / (0.7 * Math.max(panel.name.length, 1))));
      if (0.5 * size * panel.name.length > room) continue;
      const [x, y] = [0, 1].map((axis) => corners.reduce((sum, at) => sum + at[axis], 0) / 4);
      writeText(context, panel.name, x, y, { size, fill: "#c9f2ff" });
    }
  }

  drawRings(context, rings) {
    const { width, height } = this.size;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const taken = [];
    for (const { d_A, lines } of rings) {
      context.beginPath();
      let label = null;
      for (const line of lines) {
        const points = line.map(([row, column]) => this.onCanvas(row, column));
        lineOf(context, points);
        for (const [x, y] of points) {
          const free = x > 24 && y > 12 && x < width - 24 && y < height - 12 &&
            taken.every(([otherX, otherY]) => Math.abs(x - otherX) > 48 || Math.abs(y - otherY) > 18);
          // to the upper right of the middle, where there is a choice
          if (free && (!label || x - y > label[0] - label[1])) label = [x, y];
        }
      }
      // readable on what is dark and on what is bright
      for (const [wide, style] of [[2.5, "rgb(0 0 0 / 30%)"], [1, "rgb(255 255 255 / 70%)"]]) {
        context.lineWidth = wide;
        context.strokeStyle = style;
        context.stroke();
      }
      if (label) {
        taken.push(label);
        writeText(context, `${d_A} Å`, ...label, { size: 11, fill: "#ffffff" });
      }
    }
  }

  drawMarks(context, marks) {
    const { width, height } = this.size;
    const seen = marks.map((mark) => [mark, ...this.onCanvas(mark.row, mark.column), Math.max(3.5, (mark.radius + 0.5) * this.view.scale)])
      .filter(([, x, y, radius]) => x > -radius && y > -radius && x < width + radius && y < height + radius);
    for (const [faint, style] of [[true, "rgb(125 255 176 / 40%)"], [false, "#7dffb0"]]) {
      context.beginPath();
      for (const [mark, x, y, radius] of seen) {
        if (Boolean(mark.faint) !== faint) continue;
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 7);
      }
      // seen on what is bright, too
      for (const [wide, stroke] of faint ? [[1.25, style]] : [[3, "rgb(0 0 0 / 45%)"], [1.25, style]]) {
        context.lineWidth = wide;
        context.strokeStyle = stroke;
        context.stroke();
      }
    }
    if (this.view.scale < NAMED_FROM) return;
    context.textAlign = "center";
    context.textBaseline = "bottom";
    for (const [mark, x, y, radius] of seen)
      writeText(context, mark.label, x, y - radius - 1, { size: 10.5, fill: "#c7ffdd" });
  }

  drawChosen(context, corners) {
    context.beginPath();
    lineOf(context, corners.map((corner) => this.onCanvas(...corner)));
    context.closePath();
    for (const [width, style] of [[4, "#ffffff"], [2, "#000000"]]) {
      context.lineWidth = width;
      context.strokeStyle = style;
      context.stroke();
    }
  }

  drawCell(context, { row, column }, stroke) {
    const [x, y] = this.onCanvas(Math.floor(row) + 0.5, Math.floor(column) + 0.5);
    const half = Math.max(this.view.scale / 2, 5);
    for (const [width, style] of [[3.5, "#000000"], [1.5, stroke]]) {
      context.lineWidth = width;
      context.strokeStyle = style;
      context.strokeRect(x - half, y - half, 2 * half, 2 * half);
    }
  }

  // Pointer and keys

  listen() {
    const canvas = this.canvas;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(2 ** (-event.deltaY * (event.deltaMode ? 20 : 1) / 250), at(event));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, at(event));
      this.moved = this.pointers.size > 1 ? Infinity : 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.pointers.has(event.pointerId)) this.drag(event.pointerId, at(event));
      else this.point(at(event));
    });
    const up = (event) => {
      const known = this.pointers.delete(event.pointerId);
      if (known && event.type === "pointerup" && this.moved < CLICK) {
        this.point(at(event));
        this.pick();
      }
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => {
      if (this.cursor && this.cursor.by === "pointer") this.setCursor(null);
    });
    canvas.addEventListener("keydown", (event) => this.press(event));
    this.observer = new ResizeObserver(() => (this.fitted ? this.fit() : this.redraw()));
    this.observer.observe(this.host);
  }

  drag(id, [x, y]) {
    const [fromX, fromY] = this.pointers.get(id);
    const others = [...this.pointers].filter(([other]) => other !== id);
    this.pointers.set(id, [x, y]);
    if (others.length) {
      const [otherX, otherY] = others[0][1];
      const before = Math.hypot(fromX - otherX, fromY - otherY);
      this.zoomBy(Math.hypot(x - otherX, y - otherY) / Math.max(before, 1), [otherX, otherY]);
      return;
    }
    this.moved += Math.abs(x - fromX) + Math.abs(y - fromY);
    if (this.moved < CLICK) return;
    const { row, column, scale } = this.view;
    this.setView({ row: row - (y - fromY) / scale, column: column - (x - fromX) / scale });
  }

  point([x, y]) {
    if (!this.source) return;
    const { row, column } = this.placeAt(x, y);
    this.setCursor(this.isInside(row, column)
      ? { row: Math.floor(row), column: Math.floor(column), by: "pointer" } : null);
  }

  setCursor(cursor, quietly = false) {
    this.cursor = cursor;
    if (!quietly) this.tell("cursor", cursor);
    this.redraw();
  }

  pick(cell = this.cursor) {
    this.setPicked(cell);
    if (cell) this.tell("pick", this.picked);
  }

  // marks a cell, and tells nobody
  setPicked(cell) {
    this.picked = cell && { row: cell.row, column: cell.column };
    this.redraw();
  }

  press(event) {
    if (!this.source || event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const about = () => (this.cursor
      ? this.onCanvas(this.cursor.row + 0.5, this.cursor.column + 0.5)
      : [this.size.width / 2, this.size.height / 2]);
    if (ways[event.key]) this.step(ways[event.key], event.shiftKey ? LONG : 1);
    else if (event.key === "+" || event.key === "=") this.zoomBy(2, about());
    else if (event.key === "-") this.zoomBy(0.5, about());
    else if (event.key === "0") this.fit();
    else if (event.key === "1") this.zoomBy(1 / this.view.scale, about());
    else if (event.key === "Enter" && this.cursor) this.pick();
    else if (event.key === "Escape") this.release();
    else return;
    event.preventDefault();
  }

  release() {
    this.picked = null;
    this.setCursor(null);
  }

  step([down, right], times) {
    const by = Math.max(1, Math.round(STEP / this.view.scale)) * times;
    const from = this.cursor || { row: Math.floor(this.view.row) - down * by, column: Math.floor(this.view.column) - right * by };
    const [rows, columns] = this.source.shape;
    const row = Math.max(0, Math.min(rows - 1, from.row + down * by));
    const column = Math.max(0, Math.min(columns - 1, from.column + right * by));
    const { width, height } = this.size;
    const [x, y] = this.onCanvas(row + 0.5, column + 0.5);
    if (x < 0 || y < 0 || x > width || y > height) this.setView({ row, column });
    this.setCursor({ row, column, by: "keys" });
  }

  tell(name, detail) {
    this.host.dispatchEvent(new CustomEvent(`image-${name}`, { detail }));
  }

  destroy() {
    this.observer.disconnect();
    if (this.tiles) this.tiles.clear();
    if (this.drawing) cancelAnimationFrame(this.drawing);
    this.canvas.remove();
  }
}
