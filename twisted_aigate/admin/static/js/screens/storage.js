// Storage: buckets and folders, uploads with their progress, previews, links.

import { call, callJson, inPath } from "../api.js";
import {
  ask,
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
  labelled,
  loading,
  options,
  secretText,
  show,
  table,
} from "../dom.js";
import { preview } from "../preview.js";
import { uploadQueue } from "../uploads.js";
import { bytes, moment } from "../words.js";

const COLUMNS = [["Name"], ["Size", "number"], ["Stored"], [""]];

export function open(page, signal) {
  let bucket = "";
  let prefix = "";
  const buckets = h("div");
  const crumbs = h("nav", { class: "crumbs grow", "aria-label": "Folder" });
  const list = h("div", {}, loading());
  const uploads = uploadQueue();
  const picker = h("input", {
    type: "file",
    multiple: true,
    hidden: true,
    onchange: () => {
      put([...picker.files]);
      picker.value = "";
    },
  });
  const zone = h(
    "div",
    { class: "dropzone" },
    "Drop files here, or",
    button("choose them", () => picker.click(), { kind: "tiny", symbol: "upload" }),
    picker,
  );
  const place = h(
    "section",
    { class: "card", "aria-label": "Objects" },
    h("header", {}, crumbs),
    list,
  );
  const right = h("div", { class: "stack" }, zone, uploads.element, place);
  zone.hidden = true;
  fill(
    page,
    head(
      "Storage",
      "Objects as every S3 client sees them.",
      button("New bucket", make, { symbol: "plus" }),
    ),
    h("div", { class: "split" }, card("Buckets", buckets), right),
  );
  right.addEventListener("dragover", (event) => {
    event.preventDefault();
    if (bucket) zone.classList.add("drop-here");
  });
  right.addEventListener("dragleave", () => zone.classList.remove("drop-here"));
  right.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("drop-here");
    put([...event.dataTransfer.files]);
  });
  draw();

  function draw() {
    return show(buckets, async () => {
      const { buckets: names } = await callJson("/storage/", { signal });
      if (!names.length) return empty("No bucket yet.", "storage");
      if (!bucket) setTimeout(() => go(names.includes("uploads") ? "uploads" : names[0], ""));
      return h(
        "div",
        { class: "choose" },
        names.map((name) =>
          h(
            "button",
            {
              type: "button",
              "data-bucket": name,
              "aria-current": name === bucket ? "true" : null,
              onclick: () => go(name, ""),
            },
            icon("storage"),
            name,
          ),
        ),
      );
    });
  }

  function go(name, folder) {
    bucket = name;
    prefix = folder;
    zone.hidden = false;
    for (const each of buckets.querySelectorAll("[data-bucket]")) {
      if (each.dataset.bucket === bucket) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
    const parts = prefix.split("/").slice(0, -1);
    fill(
      crumbs,
      h("button", { type: "button", onclick: () => go(bucket, "") }, bucket),
      parts.map((part, at) => [
        "/",
        h(
          "button",
          { type: "button", onclick: () => go(bucket, parts.slice(0, at + 1).join("/") + "/") },
          part,
        ),
      ]),
    );
    return refresh();
  }

  function refresh(how) {
    return show(
      list,
      async () => {
        const more = h("div", { class: "row" });
        const first = await fetchPage("");
        if (!first.rows.length)
          return empty(
            prefix ? "This folder is empty." : "This bucket is empty: drop a file above.",
            "folder",
          );
        const whole = table("Objects", COLUMNS, [], { stacks: true });
        const body = whole.querySelector("tbody");
        add(first);
        return [whole, more];

        function add({ rows, token }) {
          body.append(...labelled(COLUMNS, rows));
          fill(
            more,
            token &&
              button(
                "More",
                doing(async () => add(await fetchPage(token))),
                { kind: "tiny ghost" },
              ),
          );
        }
      },
      how,
    );
  }

  async function fetchPage(token) {
    const query = new URLSearchParams({
      "list-type": "2",
      delimiter: "/",
      prefix,
      "max-keys": "200",
      ...(token && { "continuation-token": token }),
    });
    const answer = await call(`/storage/${bucket}?${query}`, { signal });
    const found = new DOMParser().parseFromString(await answer.text(), "text/xml");
    const text = (node, name) => node.getElementsByTagName(name)[0]?.textContent ?? "";
    const folders = [...found.getElementsByTagName("CommonPrefixes")].map((node) =>
      folder(text(node, "Prefix")),
    );
    const objects = [...found.getElementsByTagName("Contents")].map((node) =>
      object({
        key: text(node, "Key"),
        size: Number(text(node, "Size")),
        at: text(node, "LastModified"),
      }),
    );
    return { rows: [...folders, ...objects], token: text(found, "NextContinuationToken") };
  }

  function folder(path) {
    return h(
      "tr",
      {},
      h(
        "td",
        {},
        h(
          "button",
          { type: "button", class: "link", onclick: () => go(bucket, path) },
          icon("folder"),
          path.slice(prefix.length),
        ),
      ),
      h("td"),
      h("td"),
      h("td"),
    );
  }

  function object(each) {
    const name = each.key.slice(prefix.length);
    return h(
      "tr",
      { "data-object": each.key },
      h(
        "td",
        {},
        h(
          "button",
          { type: "button", class: "link", onclick: () => look(each, name) },
          icon("file"),
          name,
        ),
      ),
      h("td", { class: "number" }, bytes(each.size)),
      h("td", { class: "nowrap muted small" }, moment(each.at)),
      h(
        "td",
        { class: "actions" },
        button("Link", () => share(each, name), { kind: "tiny", "aria-label": `Link to ${name}` }),
        button(
          "Delete",
          () =>
            ask(`Delete ${name}?`, "Delete", async () => {
              await call(path(each.key), { method: "DELETE" });
              await refresh({ keep: true });
            }),
          { kind: "tiny danger", "aria-label": `Delete ${name}` },
        ),
      ),
    );
  }

  const path = (key) => `/storage/${bucket}/${inPath(key)}`;

  function look(each, name) {
    preview(name, {
      size: each.size,
      facts: [
        ["Key", each.key],
        ["Size", bytes(each.size)],
        ["Stored", new Date(each.at).toLocaleString("en-GB")],
      ],
      load: async (stopped) => (await call(path(each.key), { signal: stopped })).blob(),
      actions: [button("Link", () => share(each, name), { symbol: "link" })],
    });
  }

  function share(each, name) {
    dialog(`Link to ${name}`, (title, close) => {
      const made = h("div", { "aria-live": "polite" });
      const form = h(
        "form",
        {
          onsubmit: doing(async () => {
            const given = new FormData(form);
            const found = await callJson(
              `/storage/presign/${bucket}/${inPath(each.key)}?expires=${given.get("expires")}&method=${given.get("method")}`,
              { method: "POST" },
            );
            fill(
              made,
              secretText(found.url),
              h(
                "p",
                { class: "small muted" },
                found.expires === null
                  ? "The bucket is public: it is good for ever."
                  : "Whoever has it needs no key.",
              ),
            );
          }),
        },
        title,
        h(
          "div",
          { class: "fields" },
          field(
            "For",
            h(
              "select",
              { name: "method" },
              options([
                ["GET", "reading"],
                ["PUT", "storing"],
              ]),
            ),
          ),
          field(
            "Good for",
            h(
              "select",
              { name: "expires" },
              options([
                ["3600", "an hour"],
                ["86400", "a day"],
                ["604800", "a week"],
              ]),
            ),
          ),
        ),
        made,
        h(
          "div",
          { class: "buttons" },
          button("Close", close),
          button("Make link", null, { kind: "primary", type: "submit" }),
        ),
      );
      return form;
    });
  }

  function make() {
    dialog("New bucket", (title, close) => {
      const name = h("input", {
        name: "name",
        required: true,
        pattern: "[a-z0-9][a-z0-9.\\-]{1,61}[a-z0-9]",
        autocomplete: "off",
        spellcheck: "false",
      });
      return h(
        "form",
        {
          onsubmit: doing(async () => {
            await call(`/storage/${name.value}`, { method: "PUT" });
            close();
            await draw();
            await go(name.value, "");
          }),
        },
        title,
        field("Name", name, "3 to 63 of a-z, 0-9, hyphen and dot."),
        h(
          "div",
          { class: "buttons" },
          button("Cancel", close),
          button("Make bucket", null, { kind: "primary", type: "submit" }),
        ),
      );
    });
  }

  async function put(files) {
    if (!bucket || !files.length) return;
    const [into, folder] = [bucket, prefix];
    await uploads.put(files, (file) => `/storage/${into}/${inPath(folder + file.name)}`);
    if (into === bucket && folder === prefix && !signal.aborted) await refresh({ keep: true });
  }
}
