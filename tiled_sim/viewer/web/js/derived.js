// The difference, or the ratio, of two images as an image of its own.

import { GAP, MASKED, WAITING, read } from "./colours.js";

const HALVES = { waiting: WAITING, masked: MASKED, gap: GAP };
const OF = {
  difference: (one, other) => one - other,
  ratio: (one, other) => (one === other ? 1 : one / other),
};

// what a cell is where one of the two has no value
function lacks(one, other) {
  return ["gap", "masked", "waiting"].find((kind) => one === kind || other === kind);
}

export function derived(kind, one, other) {
  return {
    ...one,
    levels: Math.min(one.levels, other.levels),
    tile: async (...place) => {
      const both = await Promise.all([one.tile(...place), other.tile(...place)]);
      const found = new Float32Array(both[0].length);
      const bits = new Uint32Array(found.buffer);
      for (let at = 0; at < found.length; at++) {
        const [first, second] = [read(both[0], at), read(both[1], at)];
        const lack = typeof first === "string" || typeof second === "string" ? lacks(first, second) : null;
        if (lack) bits[at] = HALVES[lack] << 16;
        else found[at] = OF[kind](first, second);
      }
      return found;
    },
  };
}
