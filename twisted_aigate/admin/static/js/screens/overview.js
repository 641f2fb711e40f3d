// Overview: how the last minutes went, and what is on.

import { badge, card, fill, h, head } from "../dom.js";
import { live, on } from "../live.js";
import { linePlot } from "../plot.js";
import { count, duration, money, rate } from "../words.js";

const STEP = 5;

/** Seconds, five by five: [{ time, rows }]. */
function together(rows) {
  const found = [];
  for (const row of rows) {
    const time = row[0] - (row[0] % STEP);
    if (found.at(-1)?.time !== time) found.push({ time, rows: [] });
    found.at(-1).rows.push(row);
  }
  return found.slice(1);
}

const sum = (rows, at) => rows.reduce((total, row) => total + row[at], 0);

/** The mean of what there is, by how many requests there were; null: there was none. */
function mean(rows, at) {
  const known = rows.filter((row) => row[at] !== null);
  const requests = sum(known, 1);
  return requests ? known.reduce((total, row) => total + row[at] * row[1], 0) / requests : null;
}

function tile(name) {
  const value = h("dd", {}, "–");
  const about = h("dd", { class: "about" }, "");
  return {
    element: h("dl", { class: "card tile" }, h("dt", {}, name), value, about),
    set(text, unit, more) {
      fill(value, text, unit && h("small", {}, unit));
      about.textContent = more;
    },
  };
}

export function open(page, signal) {
  const tiles = ["Requests", "Latency, median", "Errors", "Tokens", "Cost"].map(tile);
  const requests = linePlot(
    "Requests",
    [
      { name: "a second", color: "c1" },
      { name: "errors", color: "c3" },
    ],
    rate,
  );
  const latency = linePlot(
    "Latency",
    [
      { name: "p50", color: "c1" },
      { name: "p95", color: "c2" },
    ],
    duration,
  );
  const tokens = linePlot("Tokens", [{ name: "a second", color: "c2" }], rate);
  const cost = linePlot("Cost", [{ name: "a minute", color: "c1" }], money);
  const services = h("dl", { class: "services" });
  const summary = badge("");
  fill(
    page,
    head("Overview", "The last minute in figures, the last five as they went."),
    h(
      "div",
      { class: "tiles" },
      tiles.map((each) => each.element),
    ),
    h("div", { class: "grid" }, requests.element, latency.element, tokens.element, cost.element),
    card("What is on", services, summary),
  );

  function second() {
    const minute = live.minute;
    if (!minute) return;
    tiles[0].set(rate(minute.requests / 60), "/s", `${count(minute.requests)} in the last minute`);
    tiles[1].set(
      duration(minute.p50),
      "",
      `p95 ${duration(minute.p95)} · p99 ${duration(minute.p99)}`,
    );
    tiles[2].set(
      minute.requests ? `${rate((100 * minute.errors) / minute.requests)}` : "0",
      "%",
      `${count(minute.errors)} failed on our side`,
    );
    tiles[3].set(count(minute.tokens), "/min", "prompts and answers");
    tiles[4].set(money(minute.cost), "/min", `${money(minute.cost * 60)} an hour`);
    const bins = together(live.rows);
    const per = (rows, at) => sum(rows, at) / rows.length;
    requests.update(bins.map(({ time, rows }) => ({ time, values: [per(rows, 1), per(rows, 2)] })));
    latency.update(
      bins.map(({ time, rows }) => ({ time, values: [mean(rows, 3), mean(rows, 4)] })),
    );
    tokens.update(bins.map(({ time, rows }) => ({ time, values: [per(rows, 5)] })));
    cost.update(bins.map(({ time, rows }) => ({ time, values: [per(rows, 6) * 60] })));
  }

  function standing() {
    const working = live.services.filter((service) => service.reason === null).length;
    summary.textContent = `${working} of ${live.services.length} on`;
    const running = live.services.filter((service) => service.reason === null);
    const resting = live.services.filter((service) => service.reason !== null);
    const isTree = ({ name }) => name.startsWith("/") || name === "tunnel";
    const models = running.filter((service) => !isTree(service));
    const urls = live.states.tunnel?.urls ?? [];
    const chips = (services) =>
      h(
        "div",
        { class: "chips" },
        services.map((name) => badge(name, "good")),
      );
    fill(
      services,
      h("dt", {}, "On"),
      h(
        "dd",
        {},
        chips(running.filter(isTree).map((service) => service.name)),
      ),
      models.length > 0 && [
        h("dt", {}, "Models"),
        h("dd", {}, chips(models.flatMap((service) => service.name.split(", ")))),
      ],
      urls.length > 0 && [
        h("dt", {}, "Internet"),
        h(
          "dd",
          {},
          urls.map((url) =>
            h("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, url),
          ),
        ),
      ],
      resting.length > 0 && [
        h("dt", {}, "Off"),
        h(
          "dd",
          {},
          h(
            "ul",
            {},
            resting.map(({ name, reason }) =>
              h("li", {}, badge(name), h("span", { class: "muted small" }, reason)),
            ),
          ),
        ),
      ],
    );
  }

  on(signal, "second", second);
  on(signal, "connection", standing);
  on(signal, "tunnel", standing);
  second();
  standing();
}
