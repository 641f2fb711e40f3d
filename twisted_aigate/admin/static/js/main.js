// The shell: the key, the way between screens, light and dark.

import { onRefused, ownJson, setKey } from "./api.js";
import { fill, h, icon, iconButton, loading } from "./dom.js";
import { live, on } from "./live.js";

const SCREENS = [
  ["overview", "Overview"],
  ["playground", "Playground"],
  ["models", "Models"],
  ["keys", "Keys"],
  ["spend", "Spend"],
  ["runs", "Claude runs"],
  ["storage", "Storage"],
  ["browsers", "Browsers"],
  ["tools", "Tools"],
  ["logs", "Logs"],
];
const THEMES = [
  ["system", "system"],
  ["light", "sun"],
  ["dark", "moon"],
];
const THEME = "aigate-theme";

const app = document.getElementById("app");
const main = h("main", { id: "main", class: "main", tabindex: "-1" });
let leave = new AbortController();
let session = new AbortController();

// Light and dark.

function themeButton() {
  const made = iconButton("", "system", () => {
    const names = THEMES.map(([name]) => name);
    const next = names[(names.indexOf(theme()) + 1) % names.length];
    localStorage.setItem(THEME, next);
    applyTheme();
    dress();
  });
  function dress() {
    const [name, symbol] = THEMES.find(([each]) => each === theme());
    made.replaceChildren(icon(symbol));
    made.title = `Theme: ${name}`;
    made.setAttribute("aria-label", `Theme: ${name}`);
  }
  dress();
  return made;
}

function theme() {
  const kept = localStorage.getItem(THEME);
  return THEMES.some(([name]) => name === kept) ? kept : "system";
}

function applyTheme() {
  if (theme() === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme();
}

// The key.

function lock(message = "") {
  leave.abort();
  session.abort();
  live.close();
  setKey("");
  document.querySelector("dialog")?.close();
  document.title = "aigate";
  const input = h("input", {
    type: "password",
    name: "key",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "lock-error",
  });
  const error = h("p", { class: "error small", id: "lock-error", role: "alert" }, message);
  const submit = h("button", { class: "primary", type: "submit" }, "Open");
  const form = h(
    "form",
    {
      class: "card",
      onsubmit: async (event) => {
        event.preventDefault();
        submit.disabled = true;
        onRefused(() => {});
        setKey(input.value.trim());
        try {
          await ownJson("/logs?limit=1");
          unlock();
        } catch (problem) {
          setKey("");
          error.textContent = problem.message;
          submit.disabled = false;
          input.select();
        }
      },
    },
    h("img", { src: "/ui/assets/icon.svg", alt: "" }),
    h(
      "div",
      {},
      h("h1", {}, "aigate"),
      h(
        "p",
        {},
        "What is shown and changed here needs the master key. It stays in this tab's memory, and is asked for again when you reload.",
      ),
    ),
    h("label", { class: "field" }, h("span", {}, "Master key"), input),
    error,
    submit,
  );
  fill(app, h("main", { class: "lock", id: "main", tabindex: "-1" }, form));
  input.focus();
}

function unlock() {
  session = new AbortController();
  onRefused(() => lock("The key is not valid any more."));
  const status = h("span", {}, "");
  const dot = h("span", { class: "dot" });
  const version = h("span", { class: "version" });
  const connection = () => {
    dot.className = `dot ${live.connected ? "good" : "bad"}`;
    status.textContent = live.connected ? "Live" : "Reconnecting";
    version.textContent = live.version;
  };
  on(session.signal, "connection", connection);
  connection();
  const brand = () =>
    h("div", { class: "brand" }, h("img", { src: "/ui/assets/icon.svg", alt: "" }), "aigate");
  const nav = h(
    "nav",
    { class: "nav", "aria-label": "Screens" },
    SCREENS.map(([id, title]) => h("a", { href: `#/${id}`, "data-screen": id }, icon(id), title)),
  );
  const side = h(
    "div",
    { class: "side", id: "side" },
    fill(brand(), h("img", { src: "/ui/assets/icon.svg", alt: "" }), "aigate", version),
    nav,
    h(
      "div",
      { class: "foot" },
      h("div", { class: "live grow", role: "status" }, dot, status),
      themeButton(),
      iconButton("Forget the key", "lock", () => lock()),
    ),
  );
  const opener = iconButton("Menu", "menu", () => menu(!shell.classList.contains("menu-open")), {
    "aria-expanded": "false",
    "aria-controls": "side",
  });
  const veil = h("div", { class: "veil", onclick: () => menu(false) });
  const shell = h(
    "div",
    {
      class: "shell",
      onkeydown: (event) => {
        if (event.key === "Escape" && shell.classList.contains("menu-open")) menu(false);
      },
    },
    h("div", { class: "top" }, opener, brand()),
    side,
    veil,
    main,
  );
  function menu(open) {
    shell.classList.toggle("menu-open", open);
    opener.setAttribute("aria-expanded", open);
    if (open) nav.querySelector("[aria-current]")?.focus();
    else opener.focus();
  }
  nav.addEventListener("click", () => shell.classList.contains("menu-open") && menu(false));
  fill(app, shell);
  live.open();
  route();
  main.focus();
}

// Screens.

async function route() {
  if (!main.isConnected) return;
  const wanted = location.hash.slice(2).split("?")[0];
  const [id, title] = SCREENS.find(([each]) => each === wanted) ?? SCREENS[0];
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  document.title = `${title} · aigate`;
  for (const link of document.querySelectorAll("[data-screen]")) {
    if (link.dataset.screen === id) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const page = h("div", { class: "page", "data-page": id }, loading());
  fill(main, page);
  const screen = await import(`./screens/${id}.js`);
  if (!signal.aborted) await screen.open(page, signal);
  scrollTo(0, 0);
}

addEventListener("hashchange", () => {
  route();
  main.focus({ preventScroll: true });
});
// A link to #main would be taken for a screen.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});

applyTheme();
lock();
