// Elements, words and dialogs that every screen uses.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  overview: "M3 12h4l3-8 4 16 3-8h4",
  playground: "M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5zM9 11h6M9 14h4",
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  keys: "M15 9a5 5 0 1 0-4.6 5L12 16h2v2h2v2h4v-4l-5.4-5.4A5 5 0 0 0 15 9zM8.5 8.5h.01",
  spend: "M4 20V10M10 20V4M16 20v-7M22 20H2",
  runs: "M4 17l5-5-5-5M12 19h8",
  storage:
    "M3 7c0-2 4-3 9-3s9 1 9 3-4 3-9 3-9-1-9-3zM3 7v5c0 2 4 3 9 3s9-1 9-3V7M3 12v5c0 2 4 3 9 3s9-1 9-3v-5",
  browsers: "M3 5h18v14H3zM3 9h18M6.5 7h.01M9 7h.01",
  tools: "M14.5 6a4.5 4.5 0 0 0-6 5.6L3 17v4h4l5.4-5.5A4.5 4.5 0 0 0 18 9.5L15 12l-3-3z",
  logs: "M4 6h16M4 12h16M4 18h10",
  menu: "M4 7h16M4 12h16M4 17h16",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  system: "M3 4h18v12H3zM8 20h8M12 16v4",
  lock: "M6 11h12v9H6zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11",
  plus: "M12 5v14M5 12h14",
  send: "M5 12h14M13 6l6 6-6 6",
  stop: "M7 7h10v10H7z",
  image: "M3 5h18v14H3zM3 16l5-5 5 5 3-3 5 4M15.5 9h.01",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  download: "M12 4v11M7 11l5 5 5-5M4 20h16",
  upload: "M12 20V9M7 13l5-5 5 5M4 4h16",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
  folder: "M3 6h6l2 2h10v11H3z",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  refresh: "M20 12a8 8 0 1 1-2.5-5.8M20 3v5h-5",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
  warn: "M12 3l10 18H2zM12 10v4M12 17.5h.01",
  play: "M7 4l13 8-13 8z",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.append(svgPart("path", { d: ICONS[name] }));
  return svg;
}

export function svgPart(tag, attributes = {}, ...children) {
  const part = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
  part.append(...children);
  return part;
}

/** An element. Properties that begin with "on" are listeners; null and false children are left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false);
}

export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

export function button(label, onclick, { kind = "", symbol, type = "button", ...more } = {}) {
  return h("button", { type, class: kind, onclick, ...more }, symbol && icon(symbol), label);
}

export function iconButton(label, symbol, onclick, { kind = "ghost", ...more } = {}) {
  return h(
    "button",
    {
      type: "button",
      class: `only-icon ${kind}`,
      title: label,
      "aria-label": label,
      onclick,
      ...more,
    },
    icon(symbol),
  );
}

export function field(name, control, hint) {
  return h(
    "label",
    { class: "field" },
    h("span", {}, name),
    control,
    hint && h("span", { class: "hint" }, hint),
  );
}

export function options(names, chosen) {
  return names.map((name) => {
    const [value, label] = Array.isArray(name) ? name : [name, name];
    return h("option", { value, selected: value === chosen }, label);
  });
}

export function badge(text, kind = "") {
  return h("span", { class: `badge ${kind}` }, text);
}

export function card(title, body, ...actions) {
  return h("section", { class: "card" }, h("header", {}, h("h2", {}, title), actions), body);
}

export function head(title, about, ...actions) {
  return h("div", { class: "head" }, h("h1", {}, title), actions, h("p", {}, about));
}

/** Have each cell know its column: narrow windows show it beside the cell, see narrow.css. */
export function labelled(columns, rows) {
  for (const row of rows)
    columns.forEach(([title], at) => at && title && row.cells[at].setAttribute("data-label", title));
  return rows;
}

/**
 * A table in a box that scrolls by itself. Columns are [title, class].
 * @param stacks - in narrow windows its rows become paragraphs.
 */
export function table(label, columns, rows, { stacks = columns.length > 4 } = {}) {
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h(
      "table",
      { class: stacks && "stacks" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map(([title, kind]) =>
            h(
              "th",
              { scope: "col", class: kind },
              title || h("span", { class: "hidden-label" }, "Actions"),
            ),
          ),
        ),
      ),
      h("tbody", {}, labelled(columns, rows)),
    ),
  );
}

export function empty(text, symbol = "file", ...more) {
  return h("div", { class: "empty" }, icon(symbol), h("p", {}, text), more);
}

export function loading(label = "Loading") {
  return h(
    "div",
    { class: "loading", role: "status" },
    h("span", { class: "hidden-label" }, label),
  );
}

export function failed(error, again) {
  return h(
    "div",
    { class: "failed", role: "alert" },
    icon("warn"),
    h("p", {}, error.message ?? String(error)),
    again && button("Try again", again, { kind: "tiny" }),
  );
}

/** Show what a promise brings: loading at once, then the content, or the error with a way to try again. */
export async function show(element, make, { keep = false } = {}) {
  const turn = (element.turn = (element.turn ?? 0) + 1);
  if (!keep || !element.childElementCount) fill(element, loading());
  try {
    const made = await make();
    if (element.turn === turn) fill(element, made);
  } catch (error) {
    if (element.turn === turn && error.name !== "AbortError") {
      fill(
        element,
        failed(error, () => show(element, make)),
      );
    }
  }
}

export function toast(text, kind = "") {
  const shown = h("div", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(shown);
  setTimeout(() => shown.remove(), kind === "bad" ? 9000 : 4500);
}

/** Run what a button asks for: the button waits, an error becomes a toast. */
export function doing(action) {
  return async (event) => {
    event?.preventDefault();
    const target = event?.submitter ?? event?.currentTarget;
    if (target) target.disabled = true;
    try {
      await action(event);
    } catch (error) {
      if (error.name !== "AbortError") toast(error.message, "bad");
    } finally {
      if (target) target.disabled = false;
    }
  };
}

/** A modal dialog; content is made with a function that closes it. */
export function dialog(title, make, { wide = false } = {}) {
  const label = h("h2", { id: "dialog-title" }, title);
  const box = h("dialog", { class: wide ? "wide" : "", "aria-labelledby": "dialog-title" });
  const back = document.activeElement;
  const close = () => box.close();
  box.addEventListener("close", () => {
    box.remove();
    if (back?.isConnected) back.focus();
  });
  box.append(make(label, close));
  document.body.append(box);
  box.showModal();
  return box;
}

export function ask(question, doIt, action) {
  dialog(question, (title, close) =>
    h(
      "form",
      {
        onsubmit: doing(async () => {
          await action();
          close();
        }),
      },
      title,
      h(
        "div",
        { class: "buttons" },
        button("Cancel", close),
        button(doIt, null, { kind: "danger", type: "submit" }),
      ),
    ),
  );
}

export async function copy(text) {
  await navigator.clipboard.writeText(text);
  toast("Copied");
}

export function secretText(text) {
  return h(
    "div",
    { class: "secret" },
    h("code", {}, text),
    iconButton(
      "Copy",
      "copy",
      doing(() => copy(text)),
      { kind: "tiny ghost" },
    ),
  );
}

export function save(name, blob) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Tabs by the pattern of WAI-ARIA: arrows move, the chosen one is in the tab order. */
export function tabs(label, names, chosen, choose) {
  const buttons = names.map(([id, title]) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${id}`,
        "aria-controls": "tab-panel",
        onclick: () => pick(id),
      },
      title,
    ),
  );
  function pick(id) {
    buttons.forEach((each, at) => {
      const on = names[at][0] === id;
      each.setAttribute("aria-selected", on);
      each.tabIndex = on ? 0 : -1;
    });
    choose(id);
  }
  const list = h(
    "div",
    {
      class: "tabs",
      role: "tablist",
      "aria-label": label,
      onkeydown: (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const next =
          (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
        buttons[next].focus();
        pick(names[next][0]);
      },
    },
    buttons,
  );
  pick(chosen);
  return list;
}
