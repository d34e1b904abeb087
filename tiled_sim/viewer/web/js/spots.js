// The predicted spots of a frame, and what the image has of those on the panels that are seen.

import { $, grouped, number, signed } from "./text.js";

const FAINT = 1; // fewer are drawn faintly [photon]
const NOISE = 3; // and those that stand out of the background no farther [standard deviation of its counts]
const LEAST = 0.01; // fewer are not drawn [photon]
const WIDE = 1; // so far off the sphere they are drawn faintly until their photons are known [half width]
const SOON = 300; // after the last movement [ms]
const AT_ONCE = 16; // panels whose photons are asked for in one go

export class Spots {
  constructor(state, trouble) {
    Object.assign(this, { state, trouble, on: false, asking: false });
    this.forget();
  }

  forget() {
    this.found = null;
    this.spots = [];
    this.marks = [];
    this.known = new Set(); // panels of which photons were asked for
  }

  set(on) {
    this.on = on;
    $("spots-note").hidden = !on;
    this.show();
    this.ask();
  }

  frameChanged() {
    this.forget();
    this.show();
    this.ask();
  }

  // some pixels that were not computed may be by now
  refresh() {
    for (const { panel, photons } of this.spots) if (photons === null) this.known.delete(panel);
    this.ask();
  }

  moved() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.ask(), SOON);
  }

  // until all that is seen is known, one request after the other
  async ask() {
    if (!this.on || this.asking) return;
    this.asking = true;
    try {
      while (this.on && await this.more());
    } catch (error) {
      this.trouble(error);
    } finally {
      this.asking = false;
    }
    this.show();
  }

  // whether there was something to ask for
  async more() {
    const { frame, runs: [run] } = this.state;
    if (!this.found) {
      this.tell("finding spots");
      const told = await run.spots(frame);
      if (frame !== this.state.frame) return true;
      this.found = told;
      this.spots = told.panel.map((panel, at) => ({
        panel, crystal: told.crystal[at], hkl: [told.h[at], told.k[at], told.l[at]],
        slow: told.slow[at], fast: told.fast[at], radius: told.radius[at], off: told.off[at], photons: undefined,
      }));
      if (told.photons) {
        this.known = new Set(told.panel);
        this.take(told.photons);
      }
      this.show();
      return true;
    }
    const panels = this.wanted();
    if (!panels.length) return false;
    panels.forEach((panel) => this.known.add(panel));
    const told = await run.photons(frame, panels);
    if (frame !== this.state.frame) return true;
    this.take(told);
    this.show();
    return true;
  }

  take({ spot, photons, background, slow, fast }) {
    spot.forEach((number, at) => Object.assign(this.spots[number],
      { photons: photons[at], background: background[at], slow: slow[at], fast: fast[at] }));
  }

  // panels with spots that are seen and not known, those in the middle first
  wanted() {
    const { image } = this.state.panes[0];
    const numbers = new Map(this.state.runs[0].description.panels.map((panel, at) => [panel, at]));
    const some = new Set(this.spots.map(({ panel }) => panel));
    const { width, height } = image.size;
    const away = ([one, , other]) => Math.hypot(one[0] + other[0] - width, one[1] + other[1] - height);
    return image.panelsInView().sort((one, other) => away(one.corners) - away(other.corners))
      .map(({ panel }) => numbers.get(panel))
      .filter((panel) => some.has(panel) && !this.known.has(panel)).slice(0, AT_ONCE);
  }

  // that which has a cell within its circle, the nearest: { label, photons, off }; or null
  at({ row, column }) {
    const near = this.marks.map((mark) => ({ mark, away: Math.hypot(mark.row - row - 0.5, mark.column - column - 0.5) }))
      .filter(({ mark, away }) => away <= mark.radius + 0.5);
    return near.length ? near.reduce((one, other) => (other.away < one.away ? other : one)).mark : null;
  }

  tell(text) {
    $("spots-note").textContent = text;
  }

  show() {
    const { geometry } = this.state.panes[0];
    const several = this.state.runs[0].description.crystals > 1;
    this.marks = !this.on || !geometry ? [] : this.spots
      .filter(({ photons }) => !(typeof photons === "number" && photons < LEAST))
      .map((spot) => {
        const { panel, crystal, hkl, slow, fast, radius, off, photons, background } = spot;
        const [row, column] = geometry.placeOf(panel, slow, fast);
        const label = hkl.map(signed).join(" ") + (several ? ` (${crystal})` : "");
        const faint = typeof photons === "number" ? photons < Math.max(FAINT, NOISE * Math.sqrt(background)) : off > WIDE;
        return { row, column, label, radius, off, photons, background, faint };
      });
    if (this.found) {
      const { count, finest_A: finest } = this.found;
      const all = count > this.spots.length ? `the strongest ${grouped(this.spots.length)} of ${grouped(count)}` : grouped(count);
      const end = finest ? ` to ${number(finest, 3)} Å, finer are too many` : "";
      this.tell(`${all} predicted spots${end}; faint: not above the background`);
    }
    this.state.panes.forEach((pane) => pane.image.setOverlay({ marks: this.marks }));
  }
}

// of a spot, as a note
export function told({ photons, background, off }) {
  const short = (value) => (value < 100 ? number(value, 3) : grouped(Math.round(value)));
  const has = typeof photons === "number" ? `${short(photons)} photons on ${short(background)}` : "";
  const away = off > WIDE ? `${number(off, 2)} half widths off the sphere` : "";
  return [has, away].filter(Boolean).join(", ");
}
