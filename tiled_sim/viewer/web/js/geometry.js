// Where pixels stand, what they see: panel, resolution and Miller indices, as the physics has them.

const ROUNDING = 1e-6; // so near to the next pixel, a place belongs to it
const NICE = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
const POINTS = 720; // along a whole ring
const APART = 70; // rings on the screen, at least [CSS pixel]

const dot = (u, v) => u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
const cross = (u, v) => [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
const plus = (u, v, times = 1) => u.map((value, axis) => value + times * v[axis]);
const unit = (u) => u.map((value) => value / Math.hypot(...u));

function turned(vector, axis, angle) {
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const along = dot(vector, axis) * (1 - cosine);
  const side = cross(axis, vector);
  return vector.map((value, at) => axis[at] * along + value * cosine + side[at] * sine);
}

// rows of the inverse of the matrix whose columns are given
function inverse([a, b, c]) {
  const volume = dot(a, cross(b, c));
  return [cross(b, c), cross(c, a), cross(a, b)].map((row) => row.map((value) => value / volume));
}

export class Geometry {
  // what data/run.json and data/frames/N.json of the run say
  constructor(run, frame) {
    this.run = run;
    this.frame = frame;
    const seen = run.panels.map((panel, number) => ({ panel, number })).filter(({ panel }) => !panel.is_edge_on);
    // the nearer hides the farther, the first of equals the others
    this.nearestFirst = seen.sort((one, other) => one.panel.depth_mm - other.panel.depth_mm || one.number - other.number);
    this.direct = frame.A.map(inverse);
    this.known = new Map();
  }

  // the pixel that is seen in a cell: { panel, slow, fast }, or null
  pixelAt(row, column) {
    for (const { panel, number } of this.nearestFirst) {
      const [slow, fast] = [panel.slow_step, panel.fast_step];
      const [down, right] = [row + 0.5 - panel.corner[0], column + 0.5 - panel.corner[1]];
      const area = slow[0] * fast[1] - slow[1] * fast[0];
      const at = [(fast[1] * down - fast[0] * right) / area, (slow[0] * right - slow[1] * down) / area]
        .map((value) => Math.floor(value + ROUNDING));
      if (at.every((value, axis) => value >= 0 && value < panel.pixels[axis]))
        return { panel: number, slow: at[0], fast: at[1] };
    }
    return null;
  }

  // [row, column] in cells of a place on a panel, counted in pixels from its corner
  placeOf(number, slow, fast) {
    const { corner, slow_step, fast_step } = this.run.panels[number];
    return [0, 1].map((axis) => corner[axis] + slow * slow_step[axis] + fast * fast_step[axis]);
  }

  // from the sample to such a place [m]
  position(number, slow, fast) {
    const panel = this.run.panels[number];
    const [down, right] = [slow * panel.pixel_size_m[0], fast * panel.pixel_size_m[1]];
    const corner = plus(panel.origin_m, this.frame.detector_shift_m);
    const flat = plus(plus(corner, panel.slow_axis, down), panel.fast_axis, right);
    return this.run.curvature_m ? this.curved(flat, panel) : flat;
  }

  curved(flat, { slow_axis, fast_axis }) {
    const radius = this.run.curvature_m;
    const { beam } = this.frame;
    const straight = beam.map((value) => radius * value);
    if (this.run.c_compat)
      return turned(turned(straight, slow_axis, flat[1] / radius), fast_axis, flat[2] / radius);
    const along = (axis) => (dot(flat, axis) - radius * dot(beam, axis)) / radius;
    return turned(turned(straight, unit(cross(beam, fast_axis)), along(fast_axis)),
      unit(cross(beam, slow_axis)), along(slow_axis));
  }

  // what the middle of a pixel sees: q [1/Å], d [Å], and [h, k, l] of each crystal, not whole
  look({ panel, slow, fast }) {
    const position = this.position(panel, slow + 0.5, fast + 0.5);
    const { beam, wavelength_A } = this.frame;
    const q = plus(unit(position), beam, -1).map((value) => value / wavelength_A);
    return {
      position, q, d_A: 1 / Math.hypot(...q),
      two_theta: Math.acos(Math.max(-1, Math.min(1, dot(unit(position), beam)))),
      hkl: this.direct.map((rows) => rows.map((row) => dot(row, q))),
    };
  }

  // Rings

  // rings that stand apart on a screen where a cell is so large: [{ d_A, lines }]
  rings(scale) {
    if (this.run.curvature_m) return [];
    const centre = this.run.panels.length && this.nearestFirst.length ? this.nearestFirst[0].panel.depth_mm : 0;
    if (!(centre > 0)) return [];
    const found = [];
    let last = 0;
    for (let power = 5; power >= -2; power--) {
      for (const digit of [...NICE].reverse()) {
        const d_A = Number((digit * 10 ** power).toPrecision(3));
        const sine = this.frame.wavelength_A / (2 * d_A);
        if (sine >= Math.SQRT1_2) break;
        const radius = (centre * Math.tan(2 * Math.asin(sine))) / this.run.cell_mm;
        if ((radius - last) * scale < APART) continue;
        const lines = this.ring(d_A);
        if (!lines.length && radius > Math.hypot(...this.run.shape)) return found;
        if (!lines.length) continue;
        found.push({ d_A, lines });
        last = radius;
      }
    }
    return found;
  }

  // the parts of a ring that lie on panels, each a list of [row, column]
  ring(d_A) {
    if (!this.known.has(d_A)) this.known.set(d_A, this.linesOf(d_A));
    return this.known.get(d_A);
  }

  linesOf(d_A) {
    const angle = 2 * Math.asin(this.frame.wavelength_A / (2 * d_A));
    const z = this.frame.beam;
    const x = unit(cross(Math.abs(z[1]) < 0.9 ? [0, 1, 0] : [1, 0, 0], z));
    const y = cross(z, x);
    const directions = Array.from({ length: POINTS }, (_, at) => {
      const around = (2 * Math.PI * at) / POINTS;
      const across = plus(x.map((value) => Math.cos(around) * value), y, Math.sin(around));
      return plus(z.map((value) => Math.cos(angle) * value), across, Math.sin(angle));
    });
    return this.nearestFirst.flatMap(({ number }) => runsOf(this.met(number, directions)));
  }

  // [row, column] where directions meet a panel; null where they do not
  met(number, directions) {
    const panel = this.run.panels[number];
    const origin = plus(panel.origin_m, this.frame.detector_shift_m);
    const [slow, fast] = [[panel.slow_axis, 0], [panel.fast_axis, 1]]
      .map(([axis, at]) => axis.map((value) => value * panel.pixel_size_m[at]));
    const [ss, sf, ff] = [dot(slow, slow), dot(slow, fast), dot(fast, fast)];
    const area = ss * ff - sf * sf; // the axes need not be perpendicular
    return directions.map((direction) => {
      const along = dot(direction, panel.normal);
      if (along <= 0) return null;
      const from = plus(direction.map((value) => (value * dot(origin, panel.normal)) / along), origin, -1);
      const [onSlow, onFast] = [dot(from, slow), dot(from, fast)];
      const at = [(ff * onSlow - sf * onFast) / area, (ss * onFast - sf * onSlow) / area];
      const inside = at.every((value, axis) => value >= 0 && value <= panel.pixels[axis]);
      return inside ? this.placeOf(number, ...at) : null;
    });
  }
}

// neighbours that are there, of points around a circle; single ones are left out
function runsOf(points) {
  if (points.every(Boolean)) return [[...points, points[0]]];
  const first = points.findIndex((point) => !point);
  const runs = [];
  let run = [];
  for (let at = 0; at <= points.length; at++) {
    const point = points[(first + at) % points.length];
    if (point) run.push(point);
    else {
      if (run.length > 1) runs.push(run);
      run = [];
    }
  }
  return runs;
}
