// Playground: every kind of model, tried by hand.

import { call, callJson, models } from "../api.js";
import {
  button,
  doing,
  empty,
  failed,
  field,
  fill,
  h,
  head,
  loading,
  options,
  save,
  tabs,
} from "../dom.js";
import { chat } from "../chat.js";
import { bytes, count } from "../words.js";

const KINDS = [
  ["chat", "Chat"],
  ["embedding", "Embeddings"],
  ["image_generation", "Image"],
  ["audio_speech", "Speech"],
  ["audio_transcription", "Transcription"],
];
const MAKERS = {
  chat,
  embedding: embeddings,
  image_generation: pictures,
  audio_speech: speech,
  audio_transcription: transcription,
};

export async function open(page, signal) {
  const panel = h(
    "div",
    { id: "tab-panel", role: "tabpanel", "aria-label": "Playground" },
    loading(),
  );
  let known;
  const urls = [];
  signal.addEventListener("abort", () => urls.forEach((url) => URL.revokeObjectURL(url)));
  const url = (blob) => {
    urls.push(URL.createObjectURL(blob));
    return urls.at(-1);
  };
  fill(page, head("Playground", "Ask any model that is on, by the same API that programs use."));
  try {
    known = await models();
  } catch (error) {
    page.append(failed(error, () => open(page, signal)));
    return;
  }
  let stop = new AbortController();
  page.append(
    tabs("Kind of model", KINDS, "chat", (kind) => {
      stop.abort();
      stop = new AbortController();
      signal.addEventListener("abort", () => stop.abort());
      const fits = known
        .filter((each) =>
          kind === "chat"
            ? ["chat", "responses", "completion"].includes(each.mode)
            : each.mode === kind,
        )
        .map((each) => each.name);
      panel.setAttribute("aria-labelledby", `tab-${kind}`);
      fill(
        panel,
        fits.length
          ? MAKERS[kind](fits, stop.signal, url)
          : h("div", { class: "card" }, empty("No model of this kind is on.", "models")),
      );
    }),
    panel,
  );
}

/** A form beside what came of it. */
function bench(fits, signal, parts, run, title = "Run") {
  const shown = h(
    "div",
    { class: "shown", "aria-live": "polite" },
    h("p", { class: "muted" }, "The answer comes here."),
  );
  const form = h(
    "form",
    {
      class: "card",
      onsubmit: doing(async () => {
        fill(shown, loading());
        const began = performance.now();
        try {
          const made = await run(new FormData(form));
          fill(
            shown,
            made,
            h("p", { class: "small muted" }, `${Math.round(performance.now() - began)} ms`),
          );
        } catch (error) {
          fill(shown, error.name === "AbortError" ? null : failed(error));
        }
      }),
    },
    h(
      "div",
      { class: "body stack" },
      field("Model", h("select", { name: "model" }, options(fits))),
      parts,
      button(title, null, { kind: "primary", type: "submit" }),
    ),
  );
  return h(
    "div",
    { class: "split" },
    form,
    h("section", { class: "card", "aria-label": "Answer" }, h("div", { class: "body" }, shown)),
  );
}

function embeddings(fits, signal) {
  return bench(
    fits,
    signal,
    field("Text", h("textarea", { name: "input", required: true, rows: 5 }, "The quick brown fox")),
    async (given) => {
      const { data, usage } = await callJson("/v1/embeddings", {
        method: "POST",
        signal,
        json: { model: given.get("model"), input: given.get("input"), encoding_format: "float" },
      });
      const vector = data[0].embedding;
      const length = Math.hypot(...vector);
      const step = Math.max(1, Math.floor(vector.length / 128));
      const some = vector.filter((_, at) => at % step === 0);
      const most = Math.max(...some.map(Math.abs)) || 1;
      const bars = some.map((value) => {
        const bar = h("i");
        bar.style.height = `${Math.max(3, (100 * Math.abs(value)) / most)}%`;
        bar.style.opacity = value < 0 ? 0.45 : 1;
        return bar;
      });
      return [
        h(
          "dl",
          { class: "facts" },
          h("dt", {}, "Dimensions"),
          h("dd", {}, count(vector.length)),
          h("dt", {}, "Length"),
          h("dd", {}, length.toFixed(4)),
          usage && [h("dt", {}, "Tokens"), h("dd", {}, count(usage.total_tokens))],
        ),
        h("div", { class: "vector", role: "img", "aria-label": "The vector as bars" }, bars),
        h(
          "pre",
          { tabindex: "0" },
          JSON.stringify(vector.slice(0, 64)).replaceAll(",", ", ") +
            (vector.length > 64 ? " …" : ""),
        ),
      ];
    },
  );
}

function pictures(fits, signal, url) {
  return bench(
    fits,
    signal,
    [
      field(
        "Prompt",
        h(
          "textarea",
          { name: "prompt", required: true, rows: 5 },
          "A lighthouse at dawn, in watercolour",
        ),
      ),
      field(
        "Size",
        h("select", { name: "size" }, options(["1024x1024", "1536x1024", "1024x1536"])),
      ),
    ],
    async (given) => {
      const { data } = await callJson("/v1/images/generations", {
        method: "POST",
        signal,
        json: { model: given.get("model"), prompt: given.get("prompt"), size: given.get("size") },
      });
      return data.map((each, at) => {
        if (!each.b64_json)
          return h("a", { href: each.url, rel: "noreferrer noopener", target: "_blank" }, each.url);
        const blob = new Blob(
          [Uint8Array.from(atob(each.b64_json), (letter) => letter.charCodeAt(0))],
          { type: "image/png" },
        );
        return [
          h("img", { src: url(blob), alt: given.get("prompt") }),
          h(
            "div",
            {},
            button("Save", () => save(`picture-${at + 1}.png`, blob), {
              kind: "tiny",
              symbol: "download",
            }),
          ),
        ];
      });
    },
    "Make it",
  );
}

function speech(fits, signal, url) {
  return bench(
    fits,
    signal,
    [
      field(
        "Text",
        h(
          "textarea",
          { name: "input", required: true, rows: 5 },
          "Good morning. Everything is running.",
        ),
      ),
      field("Voice", h("input", { name: "voice", value: "alloy", required: true })),
    ],
    async (given) => {
      const response = await call("/v1/audio/speech", {
        method: "POST",
        signal,
        json: { model: given.get("model"), input: given.get("input"), voice: given.get("voice") },
      });
      const blob = await response.blob();
      return [
        h("audio", { controls: true, src: url(blob) }),
        h("p", { class: "small muted" }, `${blob.type}, ${bytes(blob.size)}`),
        h(
          "div",
          {},
          button("Save", () => save("speech", blob), { kind: "tiny", symbol: "download" }),
        ),
      ];
    },
    "Say it",
  );
}

function transcription(fits, signal) {
  return bench(
    fits,
    signal,
    field(
      "Recording",
      h("input", { type: "file", name: "file", accept: "audio/*,video/*", required: true }),
    ),
    async (given) => {
      given.set("response_format", "json");
      const response = await call("/v1/audio/transcriptions", {
        method: "POST",
        signal,
        body: given,
      });
      return h("p", {}, (await response.json()).text);
    },
    "Write it down",
  );
}
