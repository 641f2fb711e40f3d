// Spend: by day, model and key; the newest calls; all of it as CSV.

import { callJson } from "../api.js";
import { button, card, empty, fill, h, head, options, save, show, table } from "../dom.js";
import { barPlot } from "../plot.js";
import { count, moment, money } from "../words.js";

const DAY = 86_400_000;
const iso = (time) => new Date(time).toISOString().slice(0, 10);

/** A cell of CSV; one that a spreadsheet would take for a formula is made a text. */
function cell(value) {
  const text =
    typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csv = (columns, rows) =>
  [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";

export function open(page, signal) {
  const content = h("div", { class: "stack" });
  const range = h(
    "select",
    { class: "inline", "aria-label": "Range", onchange: load },
    options(
      [
        ["7", "7 days"],
        ["30", "30 days"],
        ["90", "90 days"],
      ],
      "30",
    ),
  );
  let found = null;
  fill(
    page,
    head(
      "Spend",
      "What calls to models have cost. Days are those of UTC.",
      range,
      button(
        "CSV",
        () =>
          found &&
          save(
            `aigate-spend-${found.start}-${found.end}.csv`,
            new Blob([asCsv(found)], { type: "text/csv" }),
          ),
        { symbol: "download" },
      ),
    ),
    content,
  );
  load();

  function load() {
    show(content, async () => {
      const days = Number(range.value);
      const end = iso(Date.now());
      const start = iso(Date.now() - (days - 1) * DAY);
      const query = `start_date=${start}&end_date=${end}`;
      const ask = (path) => callJson(path, { signal });
      const [byDay, byModel, byKey, calls] = await Promise.all([
        ask(`/global/spend/logs?${query}`),
        ask(`/global/spend/models?${query}`),
        ask(`/global/spend/keys?${query}`),
        ask(`/spend/logs?${query}&summarize=false&limit=50`),
      ]);
      found = { start, end, byDay, byModel, byKey };
      const known = new Map(byDay.map((each) => [each.date, each]));
      const all = Array.from({ length: days }, (_, at) => iso(Date.parse(start) + at * DAY));
      const total = (name) => byDay.reduce((sum, each) => sum + each[name], 0);
      return [
        h(
          "div",
          { class: "tiles" },
          tile("Spend", money(total("total_spend"))),
          tile("Calls", count(total("requests"))),
          tile("Tokens", count(total("total_tokens"))),
          tile(
            "A call, on average",
            money(total("requests") ? total("total_spend") / total("requests") : 0),
          ),
        ),
        barPlot(
          "By day",
          all.map((date) => ({
            label: date.slice(5),
            value: known.get(date)?.total_spend ?? 0,
            about: `${money(known.get(date)?.total_spend ?? 0)}, ${count(known.get(date)?.requests ?? 0)} calls`,
          })),
          money,
        ),
        h(
          "div",
          { class: "grid" },
          by("By model", byModel, (each) => each.model),
          by("By key", byKey, nameOfKey),
        ),
        card(
          "Newest calls",
          calls.length
            ? table(
                "Newest calls",
                [
                  ["When"],
                  ["Model"],
                  ["Key"],
                  ["Tokens", "number"],
                  ["Cost", "number"],
                  ["Request"],
                ],
                calls.map(call),
              )
            : empty("No call in this range.", "spend"),
        ),
      ];
    });
  }
}

const nameOfKey = (each) =>
  each.key_alias ||
  each.key_name ||
  (each.api_key === "master" ? "master key" : each.api_key.slice(0, 12));

function tile(name, value) {
  return h("dl", { class: "card tile" }, h("dt", {}, name), h("dd", {}, value));
}

function by(title, rows, name) {
  const most = Math.max(...rows.map((each) => each.total_spend), 0);
  return card(
    title,
    rows.length
      ? table(
          title,
          [["Name"], ["Calls", "number"], ["Tokens", "number"], ["Spend", "number"]],
          rows.map((each) =>
            h(
              "tr",
              {},
              h(
                "td",
                {},
                h("div", { class: "name" }, name(each)),
                h("progress", {
                  max: most || 1,
                  value: each.total_spend,
                  "aria-label": "Share of the largest",
                }),
              ),
              h("td", { class: "number" }, count(each.requests)),
              h("td", { class: "number" }, count(each.total_tokens)),
              h("td", { class: "number" }, money(each.total_spend)),
            ),
          ),
        )
      : empty("Nothing was spent.", "spend"),
  );
}

function call(each) {
  return h(
    "tr",
    {},
    h("td", { class: "nowrap" }, moment(each.startTime)),
    h("td", {}, each.model_group, h("div", { class: "under" }, each.model)),
    h("td", {}, each.api_key === "master" ? "master key" : each.api_key.slice(0, 12)),
    h("td", { class: "number" }, count(each.total_tokens)),
    h("td", { class: "number" }, each.cache_hit === "True" ? "cached" : money(each.spend)),
    h(
      "td",
      {},
      h(
        "a",
        { class: "mono", href: `#/logs?${each.request_id}`, title: each.request_id },
        each.request_id.slice(0, 8),
      ),
    ),
  );
}

function asCsv({ byDay, byModel, byKey }) {
  const sums = (each) => [
    each.requests,
    each.prompt_tokens,
    each.completion_tokens,
    each.total_spend,
  ];
  return csv(
    ["by", "name", "requests", "prompt_tokens", "completion_tokens", "spend_usd"],
    [
      ...byDay.map((each) => ["day", each.date, ...sums(each)]),
      ...byModel.map((each) => ["model", each.model, ...sums(each)]),
      ...byKey.map((each) => ["key", nameOfKey(each), ...sums(each)]),
    ],
  );
}
