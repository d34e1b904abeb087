// Stopping the run: asked twice, and from other machines with its token.

import { $, alertWith, setText } from "./elements.js";
import { base, view } from "./view.js";

const meant = { run: "", token: false };

export function showCancel(run) {
  $("cancel").hidden = run.state !== "running" || run.done === run.tiles || run.stopping;
  const elsewhere = $("cancel").hidden || run.run_id !== meant.run;
  if ($("cancel-dialog").open && elsewhere) $("cancel-dialog").close();
}

async function open() {
  const run = view.document.run;
  const answer = await fetch(`${base}cancel?${new URLSearchParams({ run: run.run_id })}`);
  if (!answer.ok) return;
  const told = await answer.json();
  meant.run = run.run_id;
  meant.token = told.token_needed;
  $("token-field").hidden = !meant.token;
  $("token").value = "";
  setText("token-file", told.token_file);
  setText("cancel-path", run.path);
  setText("cancel-resume", `tiled-sim resume ${run.path}`);
  alertWith("cancel-refused", "");
  $("cancel-dialog").showModal();
}

async function stop() {
  const token = meant.token ? { token: $("token").value.trim() } : {};
  const answer = await fetch(`${base}cancel`, {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ run: meant.run, ...token }),
  });
  const told = await answer.json();
  if (answer.ok) $("cancel-dialog").close();
  else alertWith("cancel-refused", `Not cancelled: ${told.error}.`);
}

// the scheduler may not answer
function tried(action, then) {
  return () => action().then(then, (error) => alertWith("cancel-refused", String(error)));
}

export function listenToCancel(refresh) {
  $("cancel").addEventListener("click", tried(open));
  $("cancel-no").addEventListener("click", () => $("cancel-dialog").close());
  $("cancel-yes").addEventListener("click", tried(stop, refresh));
}
