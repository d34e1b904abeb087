// Values to colours. The upper half of a float32 (sign, exponent, 7 bits of the fraction: 0.4 %) is
// the index of a table of 65536 colours, which makes any scale one look-up a pixel.
//
// A cell that has no value is NaN of a kind, which the upper half tells apart, too; in whole numbers
// (counts) the least three stand for the same kinds.

export const WAITING = 0x7fc1; // a pixel that is not computed yet
export const MASKED = 0x7fc2; //  a dead pixel, or one outside the region of interest
export const GAP = 0x7fc3; //     no pixel of any panel
export const KINDS = { [WAITING]: "waiting", [MASKED]: "masked", [GAP]: "gap" };
const LEAST = -0x80000000; //     WAITING as a whole number; MASKED and GAP are the next two

export const MAPS = {
  inferno: "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 d24644 e45a31 f1731d f98e09 fcac11 f9cb35 f2ea69 fcffa4",
  viridis: "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725",
  grey: "ffffff f0f0f0 e2e2e2 d3d3d3 c4c4c4 b5b5b5 a5a5a5 959595 858585 747474 646464 535353 424242 323232 212121 111111 000000",
  "blue–red": "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f",
};
export const MASK_COLOUR = "#4d7358";
export const GAP_COLOUR = "#8b929c";

const bits = new Uint32Array(1);
const real = new Float32Array(bits.buffer);

// little-endian 0xAABBGGRR of "#rrggbb" or "rrggbb"
export function word(hex) {
  const number = parseInt(hex.replace("#", ""), 16);
  return (0xff000000 | ((number & 255) << 16) | (number & 0xff00) | (number >> 16)) >>> 0;
}

// colours of a map at 0 … 1 as CSS, for a bar beside the image
export function gradient(name) {
  return MAPS[name].split(" ").map((hex) => `#${hex}`).join(", ");
}

function blended(name, count) {
  const stops = MAPS[name].split(" ").map((hex) => parseInt(hex, 16));
  return Uint32Array.from({ length: count }, (_, index) => {
    const place = (index / (count - 1)) * (stops.length - 1);
    const first = Math.min(Math.floor(place), stops.length - 2);
    const share = place - first;
    const mixed = [16, 8, 0].map((shift) => {
      const [low, high] = [first, first + 1].map((at) => (stops[at] >> shift) & 255);
      return Math.round(low + share * (high - low));
    });
    return (0xff000000 | (mixed[2] << 16) | (mixed[1] << 8) | mixed[0]) >>> 0;
  });
}

// where in a scale {low, high, log} a value stands: 0 at low, 1 at high
export function placeOf(scale, value) {
  if (!scale.log) return (value - scale.low) / (scale.high - scale.low);
  if (value > 0) return Math.log(value / scale.low) / Math.log(scale.high / scale.low);
  return value <= 0 ? -Infinity : NaN;
}

// and the other way round
export function valueAt(scale, place) {
  if (!scale.log) return scale.low + place * (scale.high - scale.low);
  return scale.low * (scale.high / scale.low) ** place;
}

// colour of every upper half of a float32; what is waiting is left transparent
export function tableOf(scale) {
  const colours = blended(scale.map, 256);
  const table = new Uint32Array(65536);
  for (let half = 0; half < 65536; half++) {
    bits[0] = ((half << 16) | 0x8000) >>> 0;
    const value = (half & 0x7fff) === 0 ? 0 : half === 0x7f80 ? Infinity : half === 0xff80 ? -Infinity : real[0];
    if (value !== value) continue;
    const place = placeOf(scale, value);
    table[half] = colours[Math.max(0, Math.min(255, Math.round(255 * place)))];
  }
  table[MASKED] = word(MASK_COLOUR);
  table[GAP] = word(GAP_COLOUR);
  return table;
}

// what an element of a tile is: a number, or a word of `KINDS`
export function read(values, index) {
  const value = values[index];
  if (values instanceof Int32Array)
    return value < LEAST + 3 ? KINDS[WAITING + value - LEAST] : value;
  if (value === value) return value;
  // through the bytes: a number that is none may lose its kind on the way
  return KINDS[new DataView(values.buffer, values.byteOffset).getUint32(4 * index, true) >>> 16] || "waiting";
}

// the bits of a tile as float32, whatever its type
export function bitsOf(values) {
  if (!(values instanceof Int32Array))
    return new Uint32Array(values.buffer, values.byteOffset, values.length);
  const found = new Uint32Array(values.length);
  const reals = new Float32Array(found.buffer);
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (value < LEAST + 3) found[at] = (WAITING + value - LEAST) << 16;
    else reals[at] = value;
  }
  return found;
}

// a tile's pixels as RGBA words; whether some of them are waiting
export function paint(values, table, words) {
  const source = bitsOf(values);
  let waiting = false;
  for (let at = 0; at < source.length; at++) {
    const half = source[at] >>> 16;
    if (half === WAITING) waiting = true;
    words[at] = table[half];
  }
  return waiting;
}

// a range about 0 of differences, about 1 of ratios
function symmetric(tiles, kind) {
  const sizes = [];
  for (const values of tiles)
    for (let at = 0; at < values.length; at += 7) {
      const value = values[at];
      if (kind === "difference" && Number.isFinite(value) && value) sizes.push(Math.abs(value));
      else if (kind === "ratio" && value > 0 && value < Infinity && value !== 1) sizes.push(Math.exp(Math.abs(Math.log(value))));
    }
  sizes.sort((one, other) => one - other);
  const size = sizes[Math.floor(0.99 * sizes.length)];
  const empty = !sizes.length;
  if (kind === "ratio") return { low: 1 / (size || 2), high: size || 2, empty };
  return { low: -(size || 1), high: size || 1, empty };
}

// of values that differ by less than a factor, as light without spots does; a twentieth is spread over
// some ten of the steps in which colours follow values
function narrow(tiles, count, high) {
  const stride = Math.ceil(count / 100_000);
  const some = [];
  for (const values of tiles)
    for (let at = 0; at < values.length; at += stride) if (values[at] > 0 && values[at] < Infinity) some.push(values[at]);
  const sorted = Float32Array.from(some).sort();
  const of = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const [low, top] = [of(0.05), of(0.9995)];
  return low < top ? { low: Math.min(low, top / 1.05), high: top } : { low: high / 10, high };
}

// the range of a scale that shows what some tiles hold: all but the faintest and the brightest few;
// `kind` is "level", "difference" or "ratio"; `empty`: they hold nothing to go by
export function rangeOf(tiles, log, kind = "level") {
  if (kind !== "level") return symmetric(tiles, kind);
  const histogram = new Uint32Array(0x7f80);
  let [count, zeros, negative] = [0, 0, 0];
  for (const values of tiles) {
    for (const one of bitsOf(values)) {
      const half = one >>> 16;
      if (half >= 0x8000) negative += one === 0x80000000 ? 0 : half < 0xff80 ? 1 : 0;
      else if (one === 0) zeros++;
      else if (half < 0x7f80) { histogram[half]++; count++; }
    }
  }
  if (!count) return { low: log ? 0.1 : 0, high: 1, empty: true };
  const quantile = (share) => {
    let left = share * count;
    for (let half = 0; half < histogram.length; half++) {
      left -= histogram[half];
      if (left <= 0 && histogram[half]) { bits[0] = (half << 16) | 0x8000; return real[0]; }
    }
    return 1;
  };
  const high = quantile(log ? 0.9995 : 0.995);
  if (!log) return { low: 0, high };
  const faint = quantile(0.05);
  if (20 * zeros < count && high < 2 * faint) return narrow(tiles, count, high);
  return { low: Math.min(Math.max(quantile(zeros > count ? 0.02 : 0.05), high * 1e-6), high / 10), high };
}
