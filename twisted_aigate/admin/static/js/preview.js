// A file in a dialog: its picture, sound or text.

import { button, dialog, fill, h, save, show } from "./dom.js";

const MOST_TEXT = 256 * 1024;
const MOST = 64 * 1024 * 1024;
const TEXTS = /^text\/|json|xml|javascript|yaml|^application\/(sql|toml|x-sh)/;

/**
 * Show a file.
 * @param size - in bytes, if it is known.
 * @param facts - [[name, value], …].
 * @param load - called with a signal; gives its Blob.
 * @param actions - further buttons.
 */
export function preview(name, { size = 0, facts = [], load, actions = [] }) {
  const shown = h("div", { class: "shown" });
  const told = h("dl", { class: "facts" });
  const stop = new AbortController();
  let url = null;
  let blob = null;
  const box = dialog(
    name,
    (title, close) =>
      h(
        "div",
        { class: "content" },
        title,
        told,
        shown,
        h(
          "div",
          { class: "buttons" },
          button("Save", () => blob && save(name, blob), { symbol: "download" }),
          actions,
          button("Close", close, { kind: "primary" }),
        ),
      ),
    { wide: true },
  );
  box.addEventListener("close", () => {
    stop.abort();
    if (url) URL.revokeObjectURL(url);
  });
  const tell = (all) =>
    fill(
      told,
      all.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
  tell(facts);
  show(shown, async () => {
    if (size > MOST) return h("p", { class: "muted" }, "It is too large for a preview.");
    blob = await load(stop.signal);
    tell([...facts, ["Type", blob.type]]);
    const kind = blob.type.split("/")[0];
    // A picture that is XML could hold more than a picture.
    const isXml = blob.type.includes("xml");
    if (kind === "image" && !isXml)
      return h("img", { src: (url = URL.createObjectURL(blob)), alt: name });
    if (kind === "audio" || kind === "video")
      return h(kind, { controls: true, src: (url = URL.createObjectURL(blob)) });
    if (!TEXTS.test(blob.type))
      return h("p", { class: "muted" }, "There is no preview of this kind of file.");
    const text = await blob.slice(0, MOST_TEXT).text();
    return [
      h("pre", { tabindex: "0" }, text),
      blob.size > MOST_TEXT && h("p", { class: "small muted" }, "The rest is left out."),
    ];
  });
}
