// Logs: the newest events of this process, searched and followed.

import { ownJson } from "../api.js";
import { button, card, empty, failed, field, fill, h, head, loading, options } from "../dom.js";
import { live, on } from "../live.js";

const LEVELS = [
  ["", "all"],
  ["warn,error,critical", "warnings and errors"],
  ["error,critical", "errors"],
];
const MOST_SHOWN = 1000;
const OWN = /^[A-Z]+ \/ui\//;

export function open(page, signal) {
  const id = h("input", {
    class: "mono",
    type: "search",
    name: "request_id",
    placeholder: "or its beginning",
    spellcheck: "false",
    value: decodeURIComponent(location.hash.split("?")[1] ?? ""),
  });
  const text = h("input", { type: "search", name: "text", placeholder: "in the message" });
  const level = h("select", { name: "level", onchange: search }, options(LEVELS));
  const follow = h("input", {
    type: "checkbox",
    onchange: () => {
      live.follow(follow.checked);
      if (follow.checked) search();
    },
  });
  const own = h("input", { type: "checkbox", onchange: search });
  const list = h("ul", { class: "log", "aria-label": "Log", tabindex: "0" });
  const shown = h("div", {}, loading());
  const form = h(
    "form",
    {
      class: "fields",
      onsubmit: (event) => {
        event.preventDefault();
        search();
      },
    },
    field("Request id", id),
    field("Text", text),
    field("Level", level),
    h(
      "div",
      { class: "field" },
      h("span", { class: "name", "aria-hidden": "true" }, "\u00a0"),
      h(
        "div",
        { class: "row" },
        button("Search", null, { kind: "primary", symbol: "search", type: "submit" }),
      ),
    ),
  );
  fill(
    page,
    head(
      "Logs",
      "What this process has logged last, the newest first. Every answer carries its id in X-Request-Id.",
    ),
    h("section", { class: "card", "aria-label": "Search" }, h("div", { class: "body" }, form)),
    card(
      "Events",
      shown,
      h("label", { class: "check" }, follow, "Follow"),
      h("label", { class: "check" }, own, "This page's own"),
    ),
  );
  signal.addEventListener("abort", () => live.follow(false));
  on(signal, "logged", ({ detail }) => {
    if (!follow.checked) return;
    const fits = detail.filter(matches);
    if (!fits.length) return;
    if (!list.isConnected) fill(shown, list);
    list.prepend(...fits.reverse().map(line));
    while (list.childElementCount > MOST_SHOWN) list.lastChild.remove();
  });
  let turn = 0;
  search();

  function wanted() {
    return { request_id: id.value.trim(), text: text.value.trim(), level: level.value };
  }

  function matches(event) {
    const { request_id: begin, text: words, level: levels } = wanted();
    return (
      (own.checked || begin || !OWN.test(event.message)) &&
      event.request_id.startsWith(begin) &&
      event.message.toLowerCase().includes(words.toLowerCase()) &&
      (!levels || levels.split(",").includes(event.level))
    );
  }

  async function search() {
    const mine = (turn += 1);
    try {
      const found = await ownJson(`/logs?${new URLSearchParams(wanted())}`);
      if (mine !== turn) return;
      const events = found.events.filter(matches);
      fill(list, events.map(line));
      fill(shown, events.length ? list : empty("Nothing that was logged fits.", "logs"));
    } catch (error) {
      if (mine === turn) fill(shown, failed(error, search));
    }
  }

  function line(event) {
    const at = new Date(event.time * 1000);
    return h(
      "li",
      {},
      h(
        "time",
        { datetime: at.toISOString(), title: at.toLocaleString("en-GB") },
        at.toLocaleTimeString("en-GB"),
        `.${String(at.getMilliseconds()).padStart(3, "0")}`,
      ),
      h("span", { class: `level ${event.level}` }, event.level),
      event.request_id
        ? h(
            "button",
            {
              type: "button",
              class: "id",
              title: `Only ${event.request_id}`,
              onclick: () => {
                id.value = event.request_id;
                search();
              },
            },
            event.request_id.slice(0, 8),
          )
        : h("span"),
      h("span", { class: "message", title: event.logger }, event.message),
    );
  }
}
