// An image with its scale of colours, and the rings and outlines on it.

import { gradient } from "./colours.js";
import { derived } from "./derived.js";
import { Geometry } from "./geometry.js";
import { ImageView } from "./image.js";
import { number } from "./text.js";

// three digits, as they can be typed again
function typable(value) {
  const size = Math.abs(value);
  return size && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(3)));
}

const NEUTRAL = "blue–red"; // of differences and ratios

export class Pane {
  constructor(figure, label, { onView, onCursor, onPick, trouble }) {
    this.figure = figure;
    const stage = figure.querySelector(".stage");
    this.image = new ImageView(stage, { label: `Detector, ${label}` });
    this.geometry = null;
    this.kind = "level";
    this.map = "inferno";
    this.log = true;
    this.ranged = false;
    this.shown = { rings: true };
    stage.addEventListener("image-view", ({ detail }) => {
      this.drawRings();
      onView(this, detail);
    });
    stage.addEventListener("image-cursor", ({ detail }) => onCursor(this, detail));
    stage.addEventListener("image-pick", ({ detail }) => onPick(this, detail));
    stage.addEventListener("image-trouble", ({ detail }) => trouble(detail.error));
    stage.addEventListener("image-settled", () => {
      stage.dataset.settled = "yes";
      if (!this.ranged && !this.ranging) this.auto();
    });
    const find = (name) => figure.querySelector(name);
    [this.low, this.high, this.bar, this.unit] = [".low", ".high", ".bar", ".unit"].map(find);
    for (const input of [this.low, this.high]) input.addEventListener("change", () => this.typed());
    find(".auto").addEventListener("click", () => this.auto());
  }

  derive(kind, sources) {
    return derived(kind, ...sources);
  }

  async show(source, { run, frame, unit, kind, keepView }) {
    this.geometry = new Geometry(run, frame);
    this.unit.textContent = unit;
    if (kind !== this.kind) this.ranged = false;
    this.kind = kind;
    this.image.host.dataset.settled = "no";
    this.image.show(source, { keepView });
    this.drawRings();
    if (!this.ranged) await this.auto();
  }

  get isLog() {
    return this.kind === "ratio" || (this.kind === "level" && this.log);
  }

  get colours() {
    return this.kind === "level" ? this.map : NEUTRAL;
  }

  forgetRange() {
    this.ranged = false;
  }

  async auto() {
    this.ranging = true;
    const { empty } = await this.image.autoScale({ log: this.isLog, kind: this.kind });
    this.ranging = false;
    this.ranged = true;
    this.applied();
    this.ranged = !empty; // of a run that has just begun, once more when something is there
  }

  setLog(log) {
    this.log = log;
    return this.auto();
  }

  setMap(map) {
    this.map = map;
    this.applied();
  }

  typed() {
    const [low, high] = [this.low, this.high].map(({ value }) => Number(value.trim().replace("−", "-").replace(",", ".")));
    const valid = low < high && (!this.isLog || low > 0);
    this.low.setAttribute("aria-invalid", String(!valid));
    this.high.setAttribute("aria-invalid", String(!valid));
    if (!valid) return;
    this.image.setScale({ low, high });
    this.applied();
  }

  applied() {
    this.image.setScale({ map: this.colours });
    const { low, high } = this.image.scale;
    this.low.value = typable(low);
    this.high.value = typable(high);
    this.bar.style.background = `linear-gradient(to right, ${gradient(this.colours)})`;
    this.bar.title = `${number(low, 3)} to ${number(high, 3)}, ${this.isLog ? "logarithmic" : "linear"}`;
  }

  setOverlay(shown) {
    this.shown = { ...this.shown, ...shown };
    const { rings, ...others } = this.shown;
    this.image.setOverlay(others);
    this.drawRings();
  }

  // rings depend on how near the image is
  drawRings() {
    if (!this.geometry) return;
    const rings = this.shown.rings ? this.geometry.rings(this.image.view.scale) : [];
    this.image.setOverlay({ rings });
  }
}
