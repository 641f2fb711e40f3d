// Models: every deployment, how it stands, and a call to try it.

import { call, callJson } from "../api.js";
import { badge, button, card, doing, empty, fill, h, head, show, table } from "../dom.js";
import { live, on } from "../live.js";
import { count, duration } from "../words.js";

/** The smallest call of each mode that can be tried. */
const TRIES = {
  chat: [
    "/v1/chat/completions",
    { messages: [{ role: "user", content: "Say OK." }], max_tokens: 5 },
  ],
  completion: ["/v1/completions", { prompt: "OK", max_tokens: 5 }],
  responses: ["/v1/responses", { input: "Say OK.", max_output_tokens: 16, store: false }],
  embedding: ["/v1/embeddings", { input: "OK" }],
  audio_speech: ["/v1/audio/speech", { input: "OK", voice: "alloy" }],
  moderation: ["/v1/moderations", { input: "OK" }],
  rerank: ["/v1/rerank", { query: "OK", documents: ["OK"] }],
};

export function open(page, signal) {
  const rows = new Map();
  const list = h("div");
  const all = button("Check all", doing(checkAll), { symbol: "play" });
  fill(
    page,
    head(
      "Models",
      "Which deployments answer, how fast, and which are left alone after failures.",
      all,
    ),
    card("Deployments", list),
  );

  show(list, async () => {
    const { data } = await callJson("/model/info", { signal });
    if (!data.length)
      return empty("No model is on: set a provider's key or AIGATE_CONFIG.", "models");
    const made = data.map(row);
    stand();
    return table(
      "Deployments",
      [
        ["Model"],
        ["Mode"],
        ["State"],
        ["Latency", "number"],
        ["In flight", "number"],
        ["This minute", "number"],
        ["Last test"],
        [""],
      ],
      made,
    );
  });
  on(signal, "models", stand);

  function row({ model_name: name, litellm_params: params, model_info: info }) {
    const cells = {
      state: h("td"),
      latency: h("td", { class: "number" }),
      flight: h("td", { class: "number" }),
      minute: h("td", { class: "number" }),
      outcome: h("td"),
    };
    const shown = { name, cells };
    rows.set(info.id + name, shown);
    const trial = TRIES[info.mode];
    const tryIt =
      trial &&
      button(
        "Test",
        doing(() => test(shown, trial)),
        { kind: "tiny", "aria-label": `Test ${name}` },
      );
    fill(cells.outcome, h("span", { class: "muted small" }, "not yet"));
    return h(
      "tr",
      { "data-model": name },
      h(
        "td",
        {},
        h("div", { class: "name" }, name),
        h("div", { class: "under" }, params.model, params.api_base && ` · ${params.api_base}`),
      ),
      h("td", {}, badge(info.mode.replaceAll("_", " "))),
      cells.state,
      cells.latency,
      cells.flight,
      cells.minute,
      cells.outcome,
      h("td", { class: "actions" }, tryIt),
    );
  }

  function stand() {
    for (const each of live.states.models ?? []) {
      const shown = rows.get(each.id + each.model_name);
      if (!shown) continue;
      const { cells } = shown;
      fill(
        cells.state,
        each.left_alone
          ? badge(`left alone ${each.left_alone} s`, "warn")
          : badge(each.in_flight ? "working" : "ready", "good"),
      );
      cells.latency.textContent = duration(each.latency);
      cells.flight.textContent = each.in_flight;
      fill(
        cells.minute,
        `${count(each.requests)} ${each.requests === 1 ? "call" : "calls"}`,
        h("div", { class: "under" }, `${count(each.tokens)} tokens`),
      );
    }
  }

  async function test(shown, [path, body]) {
    outcome(shown, "testing", "accent");
    const began = performance.now();
    try {
      const response = await call(path, {
        method: "POST",
        json: { model: shown.name, ...body },
        signal,
      });
      await response.arrayBuffer();
      outcome(shown, `answers in ${duration((performance.now() - began) / 1000)}`, "good");
    } catch (error) {
      outcome(shown, "fails", "bad", error.message);
    }
  }

  function outcome({ cells }, text, kind, why) {
    fill(cells.outcome, badge(text, kind), why && h("div", { class: "under" }, why));
  }

  async function checkAll() {
    const found = await callJson("/health", { signal });
    const told = (endpoints, ...how) =>
      endpoints.forEach((each) => {
        const shown = rows.get(each.model_id + each.model_name);
        if (shown) outcome(shown, ...how, each.error);
      });
    told(found.healthy_endpoints, "answers", "good");
    told(found.unhealthy_endpoints, "fails", "bad");
    told(found.unchecked_endpoints, "not tried: it costs too much", "");
  }
}
