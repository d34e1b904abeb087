// Tiles of a pyramid: fetched when they are wanted, kept while there is room, painted when shown.

import { paint } from "./colours.js";

const AT_ONCE = 6;
const BYTES_A_CELL = 8; // four of the value, four of the colour

const brushes = new Map(); // what tiles are painted with, by size: few differ

function brushOf(width, height) {
  const key = `${width} ${height}`;
  if (!brushes.has(key)) {
    if (brushes.size > 8) brushes.clear();
    const canvas = new OffscreenCanvas(width, height);
    const image = new ImageData(width, height);
    const words = new Uint32Array(image.data.buffer);
    brushes.set(key, { canvas, image, words, context: canvas.getContext("2d") });
  }
  return brushes.get(key);
}

export const keyOf = (level, row, column) => `${level}/${row}/${column}`;

// how many cells a level is high and wide
export function sizeOf(source, level) {
  return source.shape.map((side) => Math.ceil(side / 2 ** level));
}

// how many cells a tile is high and wide; those at the edges may be cut
export function extentOf(source, { level, row, column }) {
  const size = sizeOf(source, level);
  return [row, column].map((at, axis) => Math.min(source.side, size[axis] - at * source.side));
}

export class Tiles {
  // `changed` is called when something has come, `failed` with an error and null when it is over
  constructor(source, { bytes, changed, failed }) {
    Object.assign(this, { source, bytes, changed, failed });
    this.kept = new Map(); // by key, the one used longest ago first
    this.asked = new Map();
    this.wanted = [];
    this.held = 0;
    this.troubled = false;
  }

  // the tile, if it is here; it is then the last to go
  get(key) {
    const found = this.kept.get(key);
    if (found) {
      this.kept.delete(key);
      this.kept.set(key, found);
    }
    return found;
  }

  // what is wanted from now on, the most urgent first; requests for anything else are given up
  want(places) {
    const keys = new Set(places.map(({ level, row, column }) => keyOf(level, row, column)));
    for (const [key, request] of this.asked)
      if (!keys.has(key) && !request.promised) request.abort.abort();
    this.wanted = places;
    this.pump();
  }

  pump() {
    for (const place of this.wanted) {
      if (this.asked.size >= AT_ONCE) return;
      const key = keyOf(place.level, place.row, place.column);
      const found = this.kept.get(key);
      if ((!found || found.stale) && !this.asked.has(key)) this.ask(key, place, false);
    }
  }

  // the tile, fetched if need be, whatever else is wanted
  promise(place) {
    const key = keyOf(place.level, place.row, place.column);
    const found = this.get(key);
    if (found && !found.stale) return Promise.resolve(found);
    const request = this.asked.get(key) || this.ask(key, place, true);
    request.promised = true;
    return request.done;
  }

  ask(key, place, promised) {
    const request = { abort: new AbortController(), promised };
    this.asked.set(key, request);
    const { level, row, column } = place;
    request.done = this.source.tile(level, row, column, request.abort.signal).then(
      (values) => {
        this.asked.delete(key);
        const made = this.keep(key, place, values);
        this.trouble(null);
        this.changed();
        this.pump();
        return made;
      },
      (error) => {
        this.asked.delete(key);
        if (error.name !== "AbortError") {
          this.trouble(error);
          this.wanted = this.wanted.filter((one) => one !== place);
        }
        this.pump();
        return null;
      });
    return request;
  }

  trouble(error) {
    if (error || this.troubled) this.failed(error);
    this.troubled = Boolean(error);
  }

  keep(key, place, values) {
    const [height, width] = extentOf(this.source, place);
    const before = this.kept.get(key);
    if (before) this.drop(key, before);
    const made = { ...place, key, values, height, width, bitmap: null, table: null, waiting: true, stale: false };
    this.kept.set(key, made);
    this.held += values.length * BYTES_A_CELL;
    return made;
  }

  // forget the oldest until the rest has room; `used` are never forgotten
  trim(used) {
    for (const [key, one] of this.kept) {
      if (this.held <= this.bytes) return;
      if (!used.has(key)) this.drop(key, one);
    }
  }

  drop(key, one) {
    this.kept.delete(key);
    this.held -= one.values.length * BYTES_A_CELL;
    if (one.bitmap) one.bitmap.close(); // frees it at once
    one.bitmap = null;
  }

  // fetch again what has pixels that were not computed
  refresh() {
    for (const one of this.kept.values()) {
      if (!one.table) this.painted(one, new Uint32Array(65536));
      one.stale = one.waiting;
    }
  }

  // its picture, painted by a table of colours
  painted(one, table) {
    if (one.table === table) return one.bitmap;
    if (one.bitmap) one.bitmap.close();
    const brush = brushOf(one.width, one.height);
    one.waiting = paint(one.values, table, brush.words);
    brush.context.putImageData(brush.image, 0, 0);
    one.bitmap = brush.canvas.transferToImageBitmap();
    one.table = table;
    return one.bitmap;
  }

  clear() {
    for (const request of this.asked.values()) request.abort.abort();
    for (const [key, one] of [...this.kept]) this.drop(key, one);
    this.wanted = [];
  }
}
