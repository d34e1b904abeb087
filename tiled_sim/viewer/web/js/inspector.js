// What is under the cursor, and where the value of a chosen pixel comes from.

import { chain, tileFacts } from "./details.js";
import { told } from "./spots.js";
import { $, exact, facts, number, signed } from "./text.js";

const LOOK = 120; // the exact value is fetched when the cursor rests so long [ms]
const KINDS = { waiting: "not computed yet", masked: "masked", gap: "no panel" };

export class Inspector {
  constructor(state) {
    this.state = state;
    this.asked = 0;
    this.chosen = null;
    $("trace").addEventListener("click", () => this.trace());
  }

  get several() {
    return this.state.runs.length > 1;
  }

  pointed(pane, cursor) {
    this.cell = cursor;
    clearTimeout(this.later);
    const asked = (this.asked += 1);
    $("hint").hidden = Boolean(cursor);
    if (!cursor) {
      $("cursor").replaceChildren();
      return;
    }
    this.write(cursor);
    const exactly = async () => {
      await Promise.all(this.state.panes.map(({ image }) => image.exactAt(cursor.row, cursor.column)));
      if (asked !== this.asked) return;
      this.write(cursor);
      if (cursor.by === "keys") $("spoken").textContent = this.spoken;
    };
    this.later = setTimeout(() => exactly().catch(() => {}), LOOK);
  }

  // what each pane has there, as [name, text, note]
  values(cell) {
    return this.state.panes.map((pane, number) => {
      const found = pane.image.valueAt(cell.row, cell.column);
      const name = !this.several ? "value" : number === 0 ? "this run" : { level: "other run", difference: "difference", ratio: "ratio" }[pane.kind];
      if (!found) return [name, "…", "", "value"];
      const { value, level } = found;
      const text = typeof value === "string" ? KINDS[value] : `${exact(value)} ${pane.unit.textContent}`;
      const side = 2 ** level;
      return [name, text, level ? `mean of ${side} × ${side}` : "", "value"];
    });
  }

  write(cell) {
    const { geometry } = this.state.panes[0];
    const pixel = geometry.pixelAt(cell.row, cell.column);
    const rows = this.values(cell);
    this.spoken = rows.map(([name, text]) => `${name} ${text}`).join(", ");
    if (pixel) {
      const { name } = geometry.run.panels[pixel.panel];
      const looked = geometry.look(pixel);
      rows.push(
        ["panel", name === String(pixel.panel) ? name : `${name} (${pixel.panel})`],
        ["pixel", `slow ${pixel.slow}, fast ${pixel.fast}`],
        ["resolution", `${number(looked.d_A, 5)} Å`, `2θ ${number((looked.two_theta * 180) / Math.PI, 4)}°`]);
      looked.hkl.slice(0, 3).forEach((hkl, crystal) => rows.push([
        looked.hkl.length > 1 ? `h, k, l of ${crystal + 1}` : "h, k, l",
        hkl.map((index) => signed(Math.round(index))).join(" "),
        `at ${hkl.map((index) => number(index, 4)).join(", ")}`]));
      const spot = this.state.spots.at(cell);
      if (spot) rows.push(["spot", spot.label, told(spot)]);
      this.spoken += `, panel ${name}, slow ${pixel.slow}, fast ${pixel.fast}, ${number(looked.d_A, 3)} Å`;
    }
    $("cursor").replaceChildren(...facts(rows));
  }

  frameChanged() {
    if (this.cell) this.write(this.cell);
    if (this.chosen) this.picked(this.state.panes[0], this.chosen.cell);
  }

  // The tile and the chain

  async picked(pane, cell) {
    const number = this.state.panes.indexOf(pane);
    const run = this.state.runs[pane.kind === "level" ? number : 0];
    const pixel = this.state.panes[number].geometry.pixelAt(cell.row, cell.column);
    $("picked").hidden = false;
    const chosen = (this.chosen = { cell, run, pixel });
    if (!pixel) {
      this.tell("no panel there", "no panel is seen there");
      return;
    }
    chosen.query = { frame: this.state.frame, panel: pixel.panel, slow: pixel.slow, fast: pixel.fast };
    const name = run.description.panels[pixel.panel].name;
    $("picked-pixel").textContent = `${this.several ? `${run.description.name}: ` : ""}panel ${name}, slow ${pixel.slow}, fast ${pixel.fast}`;
    const sidecar = await run.sidecar(chosen.query);
    if (this.chosen !== chosen) return;
    if (!sidecar) {
      this.tell($("picked-pixel").textContent, "this tile is not computed yet");
      return;
    }
    $("tile").replaceChildren(tileFacts(sidecar));
    $("raw-field").hidden = false;
    $("raw").textContent = JSON.stringify(sidecar, null, 1);
    const here = sidecar.traces.find((one) => one.frame === this.state.frame && one.panel === pixel.panel &&
      one.pixel[0] === pixel.slow && one.pixel[1] === pixel.fast);
    const told = here || sidecar.traces.find((one) => one.reason === "brightest");
    this.showChain(told, sidecar.units, here ? "of the chosen pixel, from the sidecar" : "of the tile's brightest pixel");
    $("trace").hidden = Boolean(here) || !run.description.offers.chain;
    $("trace").disabled = false;
    document.body.dataset.sidecar = sidecar.tile.id;
  }

  tell(pixel, text) {
    $("picked-pixel").textContent = pixel;
    $("tile").replaceChildren(text);
    $("chain").replaceChildren();
    $("chain-of").textContent = "";
    $("trace").hidden = $("raw-field").hidden = true;
  }

  showChain(trace, units, whose) {
    if (!trace) {
      $("chain-of").textContent = "The sidecar has none.";
      $("chain").replaceChildren();
      return;
    }
    const at = `panel ${this.chosen.run.description.panels[trace.panel]?.name ?? trace.panel}, slow ${trace.pixel[0]}, fast ${trace.pixel[1]}`;
    $("chain-of").textContent = `${whose} (${at}${trace.frame === this.state.frame ? "" : `, frame ${trace.frame}`})`;
    $("chain").replaceChildren(...chain(trace.values, units));
  }

  async trace() {
    const chosen = this.chosen;
    $("trace").disabled = true;
    try {
      const found = await chosen.run.chain(chosen.query);
      if (this.chosen !== chosen) return;
      this.showChain(found.pixels[0], found.units, "of the chosen pixel, computed now");
      $("trace").hidden = true;
    } catch (error) {
      if (this.chosen === chosen) $("chain-of").textContent = error.message;
    }
    $("trace").disabled = false;
  }
}
