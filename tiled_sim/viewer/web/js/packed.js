// A run in files that `tiled-sim view --static` wrote, by ranges of their bytes; see static.py.

import { decode, inflated } from "./encoding.js";
import { fetched } from "./served.js";

const WHOLE = 64 << 20; // a file that comes whole is kept, up to here [byte]
const INDEXES = 64; // of frames, that are kept

export class PackedRun {
  constructor(base) {
    this.base = base;
    this.whole = new Map();
    this.indexes = new Map();
  }

  async describe() {
    this.run = await (await fetched(`${this.base}/run.json`)).json();
    return this.run;
  }

  // bytes from `first` on
  async bytes(name, first, count, signal) {
    if (!count) return new ArrayBuffer(0);
    if (!this.whole.has(name)) {
      const range = { Range: `bytes=${first}-${first + count - 1}` };
      const answer = await fetched(`${this.base}/${name}`, { headers: range, signal });
      if (answer.status === 206) return answer.arrayBuffer();
      if (Number(answer.headers.get("Content-Length")) > WHOLE)
        throw new Error(`this web server gives no ranges of bytes, and ${name} is too large to be fetched whole`);
      this.whole.set(name, await answer.arrayBuffer());
    }
    return this.whole.get(name).slice(first, first + count);
  }

  // where things begin, and where the last ends: some of the numbers in a file of them
  async offsets(name, first, count) {
    return new Float64Array(await this.bytes(name, 8 * first, 8 * (count + 1)));
  }

  async frame(number) {
    const { frame_bytes: size } = this.run.packed;
    const text = new TextDecoder().decode(await this.bytes("frames.jsonl", size * number, size));
    return JSON.parse(text);
  }

  source(run, quantity, frame) {
    const { side, levels } = run;
    const grids = Array.from({ length: levels }, (_, level) =>
      run.shape.map((cells) => Math.ceil(Math.ceil(cells / 2 ** level) / side)));
    const starts = grids.reduce((sums, [rows, columns]) => [...sums, sums.at(-1) + rows * columns], [0]);
    const count = starts.at(-1);
    const key = `${quantity} ${frame}`;
    return {
      shape: run.shape, levels, side, panels: run.panels,
      tile: async (level, row, column, signal) => {
        if (!this.indexes.has(key)) {
          if (this.indexes.size >= INDEXES) this.indexes.clear();
          this.indexes.set(key, this.offsets(`${quantity}.index`, frame * count, count));
          this.indexes.get(key).catch(() => this.indexes.delete(key));
        }
        const at = starts[level] + row * grids[level][1] + column;
        const offsets = await this.indexes.get(key);
        return decode(await this.bytes(`${quantity}.tiles`, offsets[at], offsets[at + 1] - offsets[at], signal));
      },
    };
  }

  // with the photons of all panels
  async spots(frame) {
    const [first, end] = await this.offsets("spots.index", frame, 1);
    return inflated(await this.bytes("spots.columns", first, end - first)).json();
  }

  async sidecar({ frame, panel, slow, fast }) {
    const { shape, tile } = this.run.tiles;
    const place = [frame, panel, slow, fast].map((at, axis) => Math.floor(at / tile[axis]));
    const index = place.reduce((sum, at, axis) => sum * Math.ceil(shape[axis] / tile[axis]) + at, 0);
    const [first, end] = await this.offsets("sidecars.index", index, 1);
    if (first === end) return null;
    return JSON.parse(new TextDecoder().decode(await this.bytes("sidecars.jsonl", first, end - first)));
  }
}
