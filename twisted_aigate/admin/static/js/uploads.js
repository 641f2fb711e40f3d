// Files on their way to the server, a few at once, each with its progress.

import { upload } from "./api.js";
import { badge, button, fill, h, toast } from "./dom.js";
import { bytes } from "./words.js";

const AT_ONCE = 3;
const FAILED_SHOWN = 8000;

/** @returns element; put(files, pathOf): fires when all are stored, or are not. */
export function uploadQueue() {
  const element = h("ul", { class: "stack", "aria-live": "polite" });
  return {
    element,
    async put(files, pathOf) {
      const waiting = files.map((file) => entry(element, file));
      async function work() {
        for (let next; (next = waiting.shift());) await send(next, pathOf(next.file));
      }
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    },
  };
}

function entry(queue, file) {
  const bar = h("progress", { max: 1, value: 0, "aria-label": `Progress of ${file.name}` });
  const state = h("span", { class: "small muted" }, "waiting");
  const stop = new AbortController();
  const cancel = button("Cancel", () => stop.abort(), { kind: "tiny ghost" });
  const row = h(
    "li",
    { class: "card" },
    h(
      "div",
      { class: "body stack" },
      h("div", { class: "row" }, h("span", { class: "grow" }, file.name), state, cancel),
      bar,
    ),
  );
  queue.append(row);
  return { file, bar, state, stop, row, cancel };
}

async function send({ file, bar, state, stop, row, cancel }, path) {
  try {
    stop.signal.throwIfAborted();
    const progress = (done, total) => {
      bar.value = total ? done / total : 1;
      state.textContent = `${bytes(done)} of ${bytes(total)}`;
    };
    await upload(path, file, progress, stop.signal);
    row.remove();
    toast(`${file.name} is stored`);
  } catch (error) {
    bar.remove();
    cancel.remove();
    fill(state, badge(error.name === "AbortError" ? "cancelled" : error.message, "bad"));
    setTimeout(() => row.remove(), FAILED_SHOWN);
  }
}
