// The reflections on the panels that are seen, asked for panel by panel.

import { $, grouped } from "./text.js";

const FAINT = 1; // fewer are drawn faintly [photon]
const SOON = 300; // after the last movement [ms]

export class Spots {
  constructor(state, trouble) {
    Object.assign(this, { state, trouble, on: false, found: new Map(), asking: false });
  }

  set(on) {
    this.on = on;
    $("spots-note").hidden = !on;
    this.show();
    this.ask();
  }

  frameChanged() {
    this.found.clear();
    this.show();
    this.ask();
  }

  moved() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.ask(), SOON);
  }

  async ask() {
    if (!this.on || this.asking) return;
    this.asking = true;
    try {
      for (;;) {
        const { image } = this.state.panes[0];
        const panels = this.state.runs[0].description.panels;
        const { width, height } = image.size;
        const away = ([one, , other]) =>
          Math.hypot(one[0] + other[0] - width, one[1] + other[1] - height);
        const left = image.panelsInView().sort((one, other) => away(one.corners) - away(other.corners))
          .map(({ panel }) => panels.indexOf(panel)).filter((panel) => !this.found.has(panel));
        if (!left.length || !this.on) break;
        this.tell(`finding spots, ${left.length} ${left.length === 1 ? "panel" : "panels"} to go`);
        const { frame } = this.state;
        let spots;
        try {
          spots = await this.state.runs[0].spots(frame, left[0]);
        } catch (error) {
          spots = { rows: [], count: 0 };
          this.trouble(error);
        }
        if (frame === this.state.frame) this.found.set(left[0], spots);
        this.show();
      }
    } finally {
      this.asking = false;
    }
    this.show();
  }

  tell(text) {
    $("spots-note").textContent = text;
  }

  show() {
    const { geometry } = this.state.panes[0];
    const marks = !this.on || !geometry ? [] : [...this.found].flatMap(([panel, { rows }]) =>
      rows.map(([, h, k, l, slow, fast, photons]) => {
        const [row, column] = geometry.placeOf(panel, slow, fast);
        return { row, column, label: `${h} ${k} ${l}`, faint: photons < FAINT };
      }));
    const count = [...this.found.values()].reduce((sum, one) => sum + one.count, 0);
    if (!this.asking) this.tell(`${grouped(count)} spots of the crystal`);
    this.state.panes.forEach((pane) => pane.image.setOverlay({ marks }));
  }
}
