// Browsers: who is busy, who waits, and what is on their screens.

import { call, callJson } from "../api.js";
import { badge, button, doing, empty, field, fill, h, head } from "../dom.js";
import { live, on } from "../live.js";
import { duration } from "../words.js";

const ROOT = "/stealthy-auto-browse";
const STATES = { idle: "good", busy: "accent", absent: "", starting: "warn" };

export function open(page, signal) {
  const tiles = h("div", { class: "tiles" });
  const desktops = h("div", { class: "desktops" });
  const shown = new Map();
  const address = h("input", { type: "url", required: true, placeholder: "https://example.com" });
  const go = h(
    "form",
    {
      class: "body row low",
      onsubmit: doing(async () => {
        const answer = await callJson(`${ROOT}/`, {
          method: "POST",
          json: { action: "goto", url: address.value },
          signal,
        });
        if (!answer.success) throw new Error(answer.error);
      }),
    },
    h("div", { class: "grow" }, field("Open an address in a browser that is free", address)),
    button("Open", null, { kind: "primary", type: "submit" }),
  );
  fill(
    page,
    head("Browsers", "The cluster that tools and programs browse with."),
    tiles,
    h("section", { class: "card", "aria-label": "Open an address" }, go),
    desktops,
  );
  on(signal, "browsers", stand);
  on(signal, "connection", stand);
  stand();

  function stand() {
    const state = live.states.browsers;
    if (!state) {
      const off = live.services.find((service) => service.name === `${ROOT}/`)?.reason;
      go.parentElement.hidden = true;
      fill(tiles);
      fill(
        desktops,
        h(
          "div",
          { class: "card" },
          empty(off ? `Browsers are off: ${off}` : "There is no word of browsers yet.", "browsers"),
        ),
      );
      shown.clear();
      return;
    }
    go.parentElement.hidden = false;
    fill(
      tiles,
      tile("Browsers", state.num_replicas),
      tile("Busy", state.busy),
      tile("Waiting in line", state.queued),
    );
    if (!shown.size) fill(desktops);
    for (const replica of state.replicas) {
      if (!shown.has(replica.name)) {
        shown.set(replica.name, desktop(replica.name, signal));
        desktops.append(shown.get(replica.name).element);
      }
      shown.get(replica.name).stand(replica);
    }
  }
}

function tile(name, value) {
  return h("dl", { class: "card tile" }, h("dt", {}, name), h("dd", {}, String(value)));
}

function desktop(name, signal) {
  const rest = h("span", {}, "");
  const screen = h("div", { class: "screen none" }, rest);
  const state = badge("");
  const idle = h("span", { class: "small muted grow" });
  const watch = button("Watch", () => toggle(), {
    kind: "tiny",
    symbol: "eye",
    "aria-pressed": "false",
    "aria-label": `Watch ${name}`,
  });
  let running = null;
  signal.addEventListener("abort", () => running?.abort());

  async function toggle() {
    if (running) {
      running.abort();
      return;
    }
    running = new AbortController();
    watch.setAttribute("aria-pressed", "true");
    fill(watch, "Stop");
    const picture = h("img", { alt: `The screen of ${name}` });
    try {
      const response = await call(`${ROOT}/live/${name}?width=640&rate=4`, {
        signal: running.signal,
      });
      for await (const blob of pictures(response)) {
        const before = picture.src;
        picture.src = URL.createObjectURL(blob);
        if (before) URL.revokeObjectURL(before);
        else show(picture);
      }
    } catch (error) {
      if (error.name !== "AbortError") rest.textContent = error.message;
    } finally {
      running = null;
      watch.setAttribute("aria-pressed", "false");
      fill(watch, "Watch");
      if (picture.src) URL.revokeObjectURL(picture.src);
      show(rest);
    }
  }

  function show(what) {
    screen.classList.toggle("none", what === rest);
    fill(screen, what);
  }

  return {
    element: h(
      "section",
      { class: "card desktop", "aria-label": name },
      screen,
      h("footer", {}, h("h3", {}, name), state, idle, watch),
    ),
    stand(replica) {
      state.textContent = replica.state;
      state.className = `badge ${STATES[replica.state] ?? "bad"}`;
      idle.textContent =
        replica.error ??
        (replica.idle_seconds === null ? "" : `for ${duration(replica.idle_seconds)}`);
      if (!running) rest.textContent = replica.state === "absent" ? "Starts when it is needed" : "";
      watch.disabled = replica.state === "absent" && !running;
    },
  };
}

/** The pictures of a multipart/x-mixed-replace stream, by the lengths that its parts tell. */
async function* pictures(response) {
  const reader = response.body.getReader();
  let held = new Uint8Array();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const joined = new Uint8Array(held.length + value.length);
      joined.set(held);
      joined.set(value, held.length);
      held = joined;
      for (;;) {
        const head = new TextDecoder("latin1").decode(held.subarray(0, 1024));
        const found = /content-length: (\d+)[^]*?\r\n\r\n/i.exec(head);
        if (!found) break;
        const from = found.index + found[0].length;
        const to = from + Number(found[1]);
        if (held.length < to) break;
        yield new Blob([held.slice(from, to)], { type: "image/jpeg" });
        held = held.slice(to);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
