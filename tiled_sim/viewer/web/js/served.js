// A run that `tiled-sim view --web` serves.
//
// Runs answer: describe(), frame(n), source(description, quantity, frame) for an ImageView, and
// sidecar, chain, spots(frame) and status, of which those that `description.offers` names can be asked
// for; and photons(frame, panels) of spots, if these came without.

import { decode } from "./encoding.js";

export async function fetched(url, options) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the server does not answer: is `tiled-sim view` still running, and the tunnel open?");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error || `${url}: ${answer.status} ${answer.statusText}`);
}

const inJSON = async (url) => (await fetched(url)).json();

export class ServedRun {
  constructor(base) {
    this.base = base;
  }

  describe() {
    return inJSON(`${this.base}/run.json`);
  }

  frame(number) {
    return inJSON(`${this.base}/frames/${number}.json`);
  }

  source(run, quantity, frame) {
    return {
      shape: run.shape, levels: run.levels, side: run.side, panels: run.panels,
      tile: async (level, row, column, signal) => {
        const answer = await fetched(
          `${this.base}/tiles/${quantity}/${frame}/${level}/${row}/${column}`, { signal });
        return decode(await answer.arrayBuffer());
      },
    };
  }

  ask(what, query) {
    return inJSON(`${this.base}/${what}.json?${new URLSearchParams(query)}`);
  }

  sidecar(pixel) {
    return this.ask("sidecar", pixel);
  }

  chain(pixel) {
    return this.ask("chain", pixel);
  }

  spots(frame) {
    return this.ask("spots", { frame });
  }

  photons(frame, panels) {
    return this.ask("photons", { frame, panels });
  }

  status(frame) {
    return this.ask("status", { frame });
  }
}
