// Storage: buckets and folders, uploads with their progress, previews, links.

import { call, callJson, inPath, upload } from "../api.js";
import { ask, badge, button, bytes, card, dialog, doing, empty, field, fill, h, head, icon, loading, moment, options, save, secretText, show, table, toast } from "../dom.js";

const MOST_TEXT = 256 * 1024;
const MOST_PREVIEW = 64 * 1024 * 1024;
const AT_ONCE = 3;

export function open(page, signal) {
  let bucket = "";
  let prefix = "";
  const buckets = h("div");
  const crumbs = h("nav", { class: "crumbs grow", "aria-label": "Folder" });
  const list = h("div", {}, loading());
  const queue = h("ul", { class: "stack", "aria-live": "polite" });
  const picker = h("input", { type: "file", multiple: true, hidden: true, onchange: () => { put([...picker.files]); picker.value = ""; } });
  const zone = h("div", { class: "dropzone" }, "Drop files here, or", button("choose them", () => picker.click(), { kind: "tiny", symbol: "upload" }), picker);
  const place = h("section", { class: "card", "aria-label": "Objects" }, h("header", {}, crumbs), list);
  const right = h("div", { class: "stack" }, zone, queue, place);
  zone.hidden = true;
  fill(page, head("Storage", "Objects as every S3 client sees them.", button("New bucket", make, { symbol: "plus" })),
    h("div", { class: "split" }, card("Buckets", buckets), right));
  right.addEventListener("dragover", (event) => { event.preventDefault(); if (bucket) zone.classList.add("drop-here"); });
  right.addEventListener("dragleave", () => zone.classList.remove("drop-here"));
  right.addEventListener("drop", (event) => { event.preventDefault(); zone.classList.remove("drop-here"); put([...event.dataTransfer.files]); });
  draw();

  function draw() {
    return show(buckets, async () => {
      const { buckets: names } = await callJson("/storage/", { signal });
      if (!names.length) return empty("No bucket yet.", "storage");
      if (!bucket) setTimeout(() => go(names.includes("uploads") ? "uploads" : names[0], ""));
      return h("div", { class: "choose" }, names.map((name) => h("button", { type: "button", "data-bucket": name, "aria-current": name === bucket ? "true" : null, onclick: () => go(name, "") }, icon("storage"), name)));
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
    fill(crumbs, h("button", { type: "button", onclick: () => go(bucket, "") }, bucket), parts.map((part, at) => ["/", h("button", { type: "button", onclick: () => go(bucket, parts.slice(0, at + 1).join("/") + "/") }, part)]));
    return refresh();
  }

  function refresh(how) {
    return show(list, async () => {
      const body = h("tbody");
      const more = h("div", { class: "row" });
      const first = await fetchPage("");
      if (!first.rows.length) return empty(prefix ? "This folder is empty." : "This bucket is empty: drop a file above.", "folder");
      const whole = table("Objects", [["Name"], ["Size", "number"], ["Stored"], [""]], []);
      whole.querySelector("tbody").replaceWith(body);
      add(first);
      return [whole, more];

      function add({ rows, token }) {
        body.append(...rows);
        fill(more, token && button("More", doing(async () => add(await fetchPage(token))), { kind: "tiny ghost" }));
      }
    }, how);
  }

  async function fetchPage(token) {
    const query = new URLSearchParams({ "list-type": "2", delimiter: "/", prefix, "max-keys": "200", ...(token && { "continuation-token": token }) });
    const answer = await call(`/storage/${bucket}?${query}`, { signal });
    const found = new DOMParser().parseFromString(await answer.text(), "text/xml");
    const text = (node, name) => node.getElementsByTagName(name)[0]?.textContent ?? "";
    const folders = [...found.getElementsByTagName("CommonPrefixes")].map((node) => folder(text(node, "Prefix")));
    const objects = [...found.getElementsByTagName("Contents")].map((node) => object({ key: text(node, "Key"), size: Number(text(node, "Size")), at: text(node, "LastModified") }));
    return { rows: [...folders, ...objects], token: text(found, "NextContinuationToken") };
  }

  function folder(path) {
    return h("tr", {}, h("td", {}, h("button", { type: "button", class: "link", onclick: () => go(bucket, path) }, icon("folder"), path.slice(prefix.length))), h("td"), h("td"), h("td"));
  }

  function object(each) {
    const name = each.key.slice(prefix.length);
    return h("tr", { "data-object": each.key },
      h("td", {}, h("button", { type: "button", class: "link", onclick: () => preview(each, name) }, icon("file"), name)),
      h("td", { class: "number" }, bytes(each.size)), h("td", { class: "nowrap muted small" }, moment(each.at)),
      h("td", { class: "actions" }, button("Link", () => share(each, name), { kind: "tiny", "aria-label": `Link to ${name}` }),
        button("Delete", () => ask(`Delete ${name}?`, "Delete", async () => {
          await call(path(each.key), { method: "DELETE" });
          await refresh({ keep: true });
        }), { kind: "tiny danger", "aria-label": `Delete ${name}` })));
  }

  const path = (key) => `/storage/${bucket}/${inPath(key)}`;

  function preview(each, name) {
    const shown = h("div", { class: "shown" }, loading());
    const facts = h("dl", { class: "facts" });
    let url = null;
    let blob = null;
    const stop = new AbortController();
    dialog(name, (title, close) => h("div", { class: "content" }, title, facts, shown, h("div", { class: "buttons" },
      button("Save", () => blob && save(name, blob), { symbol: "download" }), button("Link", () => share(each, name), { symbol: "link" }), button("Close", close, { kind: "primary" }))), { wide: true })
      .addEventListener("gone", () => { stop.abort(); if (url) URL.revokeObjectURL(url); });
    const told = (type) => fill(facts, h("dt", {}, "Key"), h("dd", {}, each.key), h("dt", {}, "Size"), h("dd", {}, bytes(each.size)), h("dt", {}, "Stored"), h("dd", {}, new Date(each.at).toLocaleString("en-GB")), type && [h("dt", {}, "Type"), h("dd", {}, type)]);
    told();
    show(shown, async () => {
      if (each.size > MOST_PREVIEW) return h("p", { class: "muted" }, "It is too large for a preview: make a link to it.");
      blob = await (await call(path(each.key), { signal: stop.signal })).blob();
      told(blob.type);
      const kind = blob.type.split("/")[0];
      const isText = kind === "text" || /json|xml|javascript|yaml/.test(blob.type);
      if (kind === "image" && blob.type !== "image/svg+xml") return h("img", { src: (url = URL.createObjectURL(blob)), alt: name });
      if (kind === "audio" || kind === "video") return h(kind, { controls: true, src: (url = URL.createObjectURL(blob)) });
      if (!isText) return h("p", { class: "muted" }, "There is no preview of this kind of file.");
      return [h("pre", { tabindex: "0" }, await blob.slice(0, MOST_TEXT).text()), blob.size > MOST_TEXT && h("p", { class: "small muted" }, "The rest is left out.")];
    });
  }

  function share(each, name) {
    dialog(`Link to ${name}`, (title, close) => {
      const made = h("div", { "aria-live": "polite" });
      const form = h("form", { onsubmit: doing(async () => {
        const given = new FormData(form);
        const found = await callJson(`/storage/presign/${bucket}/${inPath(each.key)}?expires=${given.get("expires")}&method=${given.get("method")}`, { method: "POST" });
        fill(made, secretText(found.url), h("p", { class: "small muted" }, found.expires === null ? "The bucket is public: it is good for ever." : "Whoever has it needs no key."));
      }) }, title, h("div", { class: "fields" },
        field("For", h("select", { name: "method" }, options([["GET", "reading"], ["PUT", "storing"]]))),
        field("Good for", h("select", { name: "expires" }, options([["3600", "an hour"], ["86400", "a day"], ["604800", "a week"]])))), made,
        h("div", { class: "buttons" }, button("Close", close), button("Make link", null, { kind: "primary", type: "submit" })));
      return form;
    });
  }

  function make() {
    dialog("New bucket", (title, close) => {
      const name = h("input", { name: "name", required: true, pattern: "[a-z0-9][a-z0-9.\\-]{1,61}[a-z0-9]", autocomplete: "off", spellcheck: "false" });
      return h("form", { onsubmit: doing(async () => {
        await call(`/storage/${name.value}`, { method: "PUT" });
        close();
        await draw();
        await go(name.value, "");
      }) }, title, field("Name", name, "3 to 63 of a-z, 0-9, hyphen and dot."), h("div", { class: "buttons" }, button("Cancel", close), button("Make bucket", null, { kind: "primary", type: "submit" })));
    });
  }

  async function put(files) {
    if (!bucket || !files.length) return;
    const [into, folder] = [bucket, prefix];
    const waiting = files.map((file) => ({ file, ...entry(file) }));
    async function work() {
      for (let next; (next = waiting.shift());) await send(next, `/storage/${into}/${inPath(folder + next.file.name)}`);
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (into === bucket && folder === prefix && !signal.aborted) await refresh({ keep: true });
  }

  function entry(file) {
    const bar = h("progress", { max: 1, value: 0, "aria-label": `Progress of ${file.name}` });
    const state = h("span", { class: "small muted" }, "waiting");
    const stop = new AbortController();
    const cancel = button("Cancel", () => stop.abort(), { kind: "tiny ghost" });
    const row = h("li", { class: "card" }, h("div", { class: "body stack" }, h("div", { class: "row" }, h("span", { class: "grow" }, file.name), state, cancel), bar));
    queue.append(row);
    return { bar, state, stop, row, cancel };
  }

  async function send({ file, bar, state, stop, row, cancel }, to) {
    try {
      if (stop.signal.aborted) throw new DOMException("", "AbortError");
      await upload(to, file, (done, total) => {
        bar.value = total ? done / total : 1;
        state.textContent = `${bytes(done)} of ${bytes(total)}`;
      }, stop.signal);
      row.remove();
      toast(`${file.name} is stored`);
    } catch (error) {
      bar.remove();
      cancel.remove();
      fill(state, badge(error.name === "AbortError" ? "cancelled" : error.message, "bad"));
      setTimeout(() => row.remove(), 8000);
    }
  }
}
