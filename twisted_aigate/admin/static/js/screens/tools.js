// Tools: any tool of the platform, called from a form that its schema makes.

import { badge, button, card, doing, empty, failed, fill, h, head, show } from "../dom.js";
import { live, on } from "../live.js";
import { callTool, listTools } from "../mcp.js";
import { formOf } from "../schema_form.js";
import { duration } from "../words.js";

export function open(page, signal) {
  const list = h("div");
  const absent = h("ul", { class: "absent" });
  const main = h(
    "div",
    { class: "stack" },
    h("div", { class: "card" }, empty("Choose a tool.", "tools")),
  );
  const find = h("input", {
    type: "search",
    placeholder: "Find a tool",
    "aria-label": "Find a tool",
    oninput: () => draw(),
  });
  let tools = [];
  let chosen = "";
  const urls = [];
  signal.addEventListener("abort", () => urls.forEach((url) => URL.revokeObjectURL(url)));
  fill(
    page,
    head(
      "Tools",
      "What any model may be given over MCP, at /mcp/; each is called here as a model would.",
    ),
    h(
      "div",
      { class: "split" },
      h(
        "section",
        { class: "card", "aria-label": "Tools" },
        h("div", { class: "body" }, find),
        absent,
        list,
      ),
      main,
    ),
  );
  load();

  function load(how) {
    return show(
      list,
      async () => {
        tools = await listTools();
        return draw();
      },
      how,
    );
  }

  on(signal, "servers", () => {
    stand();
    load({ keep: true });
  });
  stand();

  /** Servers of others whose tools are not here, and why. */
  function stand() {
    const down = (live.states.servers ?? []).filter((server) => server.state === "down");
    fill(
      absent,
      down.map(({ name, reason }) =>
        h(
          "li",
          { "data-server": name },
          h("b", {}, name),
          badge("down", "bad"),
          h("span", { class: "small muted" }, reason),
        ),
      ),
    );
  }

  function draw() {
    const words = find.value.toLowerCase();
    const groups = Map.groupBy(
      tools.filter((tool) => `${tool.name} ${tool.description}`.toLowerCase().includes(words)),
      (tool) => tool.name.split("-")[0],
    );
    const made = groups.size
      ? h(
          "div",
          { class: "choose" },
          [...groups].map(([server, its]) => [
            h("h3", { class: "group" }, server),
            its.map((tool) =>
              h(
                "button",
                {
                  type: "button",
                  "data-tool": tool.name,
                  "aria-current": tool.name === chosen ? "true" : null,
                  onclick: () => pick(tool),
                },
                tool.name.slice(server.length + 1) || tool.name,
              ),
            ),
          ]),
        )
      : empty(tools.length ? "No tool fits." : "There are no tools.", "tools");
    if (list.childElementCount) fill(list, made);
    return made;
  }

  function pick(tool) {
    chosen = tool.name;
    for (const each of list.querySelectorAll("[data-tool]"))
      if (each.dataset.tool === chosen) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    const answer = h("div", { class: "shown", "aria-live": "polite" });
    const answers = card("Answer", h("div", { class: "body" }, answer));
    answers.hidden = true;
    const { fields, value } = formOf(tool.inputSchema);
    let running = null;
    const stop = button("Stop", () => running?.abort(), { symbol: "stop", hidden: true });
    const form = h(
      "form",
      {
        class: "body stack",
        onsubmit: doing(async () => {
          const given = value();
          running = new AbortController();
          signal.addEventListener("abort", () => running.abort());
          answers.hidden = false;
          stop.hidden = false;
          const bar = h("progress", { max: 1, "aria-label": "Progress" });
          const told = h("p", { class: "small muted" }, "Working…");
          fill(answer, bar, told);
          const began = performance.now();
          try {
            const result = await callTool(tool.name, given, {
              signal: running.signal,
              progress: ({ progress, total, message }) => {
                if (total) bar.value = progress / total;
                told.textContent = message ?? (total ? `${progress} of ${total}` : `${progress}`);
              },
            });
            fill(
              answer,
              result.isError && h("p", { class: "note bad" }, "The tool refused."),
              result.content.map(block),
              h("p", { class: "small muted" }, duration((performance.now() - began) / 1000)),
            );
          } catch (error) {
            fill(
              answer,
              error.name === "AbortError" ? h("p", { class: "muted" }, "Stopped.") : failed(error),
            );
          } finally {
            stop.hidden = true;
          }
        }),
      },
      fields.length ? fields : h("p", { class: "muted" }, "It takes no arguments."),
      h(
        "div",
        { class: "row" },
        button("Call", null, { kind: "primary", symbol: "play", type: "submit" }),
        stop,
      ),
    );
    const hints = Object.entries(tool.annotations ?? {})
      .filter(([, on]) => on === true)
      .map(([name]) => badge(name.replace("Hint", ""), name === "destructiveHint" ? "warn" : ""));
    fill(
      main,
      h(
        "section",
        { class: "card" },
        h("header", {}, h("h2", { class: "mono" }, tool.name), hints),
        h("p", { class: "body muted" }, tool.description),
        form,
      ),
      answers,
    );
  }

  function block(each) {
    if (each.type === "image")
      return h("img", {
        src: `data:${each.mimeType};base64,${each.data}`,
        alt: "What the tool has made",
      });
    if (each.type === "audio") {
      const blob = new Blob([Uint8Array.from(atob(each.data), (letter) => letter.charCodeAt(0))], {
        type: each.mimeType,
      });
      urls.push(URL.createObjectURL(blob));
      return h("audio", { controls: true, src: urls.at(-1) });
    }
    return h(
      "pre",
      { tabindex: "0" },
      each.type === "text" ? pretty(each.text) : JSON.stringify(each, null, 2),
    );
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
