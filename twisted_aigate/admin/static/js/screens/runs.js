// Claude runs: begun, watched as they go, cancelled; the files that they work on.

import { call, callJson, events, inPath } from "../api.js";
import {
  ask,
  badge,
  button,
  card,
  dialog,
  doing,
  empty,
  field,
  fill,
  h,
  head,
  icon,
  options,
  show,
  table,
  toast,
} from "../dom.js";
import { live, on } from "../live.js";
import { preview } from "../preview.js";
import { turns } from "../transcript.js";
import { bytes, moment } from "../words.js";

const INSTANCES = ["claudebox", "claudebox-zai"];
const KINDS = {
  running: "accent",
  completed: "good",
  failed: "bad",
  cancelled: "warn",
  timed_out: "bad",
  stopped: "warn",
  ending: "warn",
};

export function open(page, signal) {
  const instances = INSTANCES.filter((name) =>
    live.services.some((service) => service.name === `/${name}/` && service.reason === null),
  );
  const list = h("div");
  const side = h("div", { class: "stack" });
  fill(
    page,
    head(
      "Claude runs",
      "Claude Code at work: what it does, and the files that it works on.",
      instances.length > 0 && button("New run", begin, { kind: "primary", symbol: "plus" }),
    ),
  );
  if (!instances.length) {
    const why = live.services
      .filter((service) => INSTANCES.some((name) => service.name === `/${name}/`))
      .map((service) => `${service.name}: ${service.reason}`);
    page.append(
      h(
        "div",
        { class: "card" },
        empty(
          why.length ? `Claude Code is off. ${why.join("; ")}.` : "Waiting for the server.",
          "runs",
        ),
      ),
    );
    if (!live.services.length)
      live.addEventListener("connection", () => open(page, signal), { signal, once: true });
    return;
  }
  const instance = h(
    "select",
    { class: "inline", "aria-label": "Instance", onchange: () => browse(instance.value, "") },
    options(instances),
  );
  let here = "";
  const files = h("div");
  const crumbs = h("nav", { class: "crumbs", "aria-label": "Folder" });
  page.append(
    card("Runs", list),
    side,
    h(
      "section",
      { class: "card", "aria-label": "Files" },
      h("header", {}, h("h2", {}, "Files"), instances.length > 1 && instance),
      h("div", { class: "row body" }, crumbs),
      files,
    ),
  );
  on(signal, "runs", stand);
  stand();
  browse(instances[0], "");

  function stand() {
    const runs = [...(live.states.runs ?? [])].sort(
      (one, other) => other.created_at - one.created_at,
    );
    fill(
      list,
      runs.length
        ? table("Runs", [["Run"], ["Workspace"], ["State"], ["Begun"], [""]], runs.map(row))
        : empty("No run now. Begin one, or have a program call /claudebox/run.", "runs"),
    );
  }

  function row(run) {
    return h(
      "tr",
      { "data-run": run.id },
      h(
        "td",
        {},
        h("span", { class: "mono" }, run.id.slice(0, 8)),
        h("div", { class: "under" }, run.instance),
      ),
      h("td", {}, run.workspace),
      h("td", {}, badge(run.status.replaceAll("_", " "), KINDS[run.status] ?? "")),
      h("td", { class: "nowrap muted small" }, moment(run.created_at)),
      h(
        "td",
        { class: "actions" },
        button("Transcript", () => follow(run), {
          kind: "tiny",
          "aria-label": `Transcript of ${run.id.slice(0, 8)}`,
        }),
        button("Files", () => browse(run.instance, run.workspace), { kind: "tiny" }),
        !run.is_over &&
          button(
            "Cancel",
            doing(async () => {
              await call(`/${run.instance}/run/cancel?runId=${run.id}`, { method: "POST" });
              toast("The run is cancelled");
            }),
            { kind: "tiny danger" },
          ),
      ),
    );
  }

  function begin() {
    dialog("New run", (title, close) => {
      const form = h(
        "form",
        {
          onsubmit: doing(async () => {
            const given = new FormData(form);
            const asked = {
              prompt: given.get("prompt"),
              async: true,
              includePartialMessages: false,
            };
            for (const name of ["workspace", "model"])
              if (given.get(name)) asked[name] = given.get(name);
            if (given.get("maxTurns")) asked.maxTurns = Number(given.get("maxTurns"));
            const made = await callJson(`/${given.get("instance")}/run`, {
              method: "POST",
              json: asked,
            });
            close();
            follow({ instance: given.get("instance"), id: made.runId });
          }),
        },
        title,
        field("What it is to do", h("textarea", { name: "prompt", required: true, rows: 6 })),
        h(
          "div",
          { class: "fields" },
          field("Instance", h("select", { name: "instance" }, options(instances))),
          field(
            "Workspace",
            h("input", { name: "workspace", placeholder: "default", autocomplete: "off" }),
          ),
        ),
        h(
          "div",
          { class: "fields" },
          field(
            "Model",
            h("input", { name: "model", placeholder: "haiku, sonnet, opus", autocomplete: "off" }),
          ),
          field(
            "Most turns",
            h("input", { name: "maxTurns", type: "number", min: "1", placeholder: "any" }),
          ),
        ),
        h(
          "div",
          { class: "buttons" },
          button("Cancel", close),
          button("Begin", null, { kind: "primary", type: "submit" }),
        ),
      );
      return form;
    });
  }

  let following = null;
  async function follow(run) {
    following?.abort();
    following = new AbortController();
    signal.addEventListener("abort", () => following.abort());
    const { signal: stopped } = following;
    const said = h("div", {
      class: "transcript",
      role: "log",
      "aria-label": "Transcript",
      tabindex: "0",
    });
    const state = badge("live", "good");
    fill(
      side,
      h(
        "section",
        { class: "card", "aria-label": "Transcript" },
        h(
          "header",
          {},
          h("h2", {}, `Run ${run.id.slice(0, 8)}`),
          state,
          button(
            "Close",
            () => {
              following.abort();
              fill(side);
            },
            { kind: "tiny ghost" },
          ),
        ),
        said,
      ),
    );
    side.scrollIntoView({ block: "nearest" });
    try {
      const response = await call(`/${run.instance}/run/events?runId=${run.id}`, {
        signal: stopped,
      });
      for await (const { event, data } of events(response)) {
        const below = said.scrollHeight - said.scrollTop - said.clientHeight < 80;
        const value = JSON.parse(data);
        if (event === "end") {
          state.textContent = value.status;
          state.className = `badge ${KINDS[value.status] ?? ""}`;
          browse(instance.value, here);
        } else said.append(...turns(value).filter(Boolean));
        if (below) said.scrollTop = said.scrollHeight;
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      state.textContent = "broken off";
      state.className = "badge bad";
      said.append(h("div", { class: "said bad" }, h("p", {}, error.message)));
    }
    if (!said.childElementCount) said.append(h("p", { class: "muted" }, "It has printed nothing."));
  }

  function browse(name, path) {
    instance.value = name;
    here = path;
    const parts = path.split("/").filter(Boolean);
    fill(
      crumbs,
      h("button", { type: "button", onclick: () => browse(name, "") }, "workspaces"),
      parts.map((part, at) => [
        "/",
        h(
          "button",
          { type: "button", onclick: () => browse(name, parts.slice(0, at + 1).join("/")) },
          part,
        ),
      ]),
    );
    const below = (entry) => [...parts, entry.name].join("/");
    return show(files, async () => {
      const { entries } = await callJson(`/${name}/files${path && `/${inPath(path)}`}`, { signal });
      if (!entries.length) return empty("There is nothing here.", "folder");
      return table(
        "Files",
        [["Name"], ["Size", "number"], [""]],
        entries.map((entry) =>
          h(
            "tr",
            {},
            h(
              "td",
              {},
              h(
                "button",
                {
                  type: "button",
                  class: "link",
                  onclick: () =>
                    entry.type === "dir" ? browse(name, below(entry)) : read(name, below(entry)),
                },
                icon(entry.type === "dir" ? "folder" : "file"),
                entry.name,
              ),
            ),
            h("td", { class: "number" }, entry.type === "dir" ? "" : bytes(entry.size)),
            h(
              "td",
              { class: "actions" },
              button(
                "Delete",
                () =>
                  ask(`Delete ${entry.name}?`, "Delete", async () => {
                    await call(`/${name}/files/${inPath(below(entry))}`, { method: "DELETE" });
                    await browse(name, path);
                  }),
                { kind: "tiny danger", "aria-label": `Delete ${entry.name}` },
              ),
            ),
          ),
        ),
      );
    });
  }

  function read(name, path) {
    preview(path.split("/").at(-1), {
      load: async (stopped) =>
        (await call(`/${name}/files/${inPath(path)}`, { signal: stopped })).blob(),
    });
  }
}
