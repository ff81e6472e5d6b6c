// KORA's own script: theme, copying, relative times, shortcuts, dialogs, the pulse of live pages.
// Every page works without it; it only adds comfort.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("scripted");

  const themes = ["", "light", "dark"];
  const labels = { "": "Theme: system", light: "Theme: light", dark: "Theme: dark" };
  const setTheme = (theme) => {
    root.dataset.theme = theme;
    document.cookie = `kora_theme=${theme};path=/;max-age=31536000;samesite=lax`;
    document.querySelectorAll("[data-theme-label]").forEach((label) => {
      label.textContent = labels[theme] ?? labels[""];
    });
  };

  const ages = [["second", 1000, 60], ["minute", 60_000, 60], ["hour", 3_600_000, 24], ["day", 86_400_000, 7]];
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });
  const dates = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const years = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const age = (moment, now) => {
    const ms = moment - now;
    if (Math.abs(ms) < 5000) return "now";
    for (const [unit, length, limit] of ages) {
      if (Math.abs(ms) < length * limit) return words.format(Math.trunc(ms / length), unit);
    }
    return (moment.getFullYear() === now.getFullYear() ? dates : years).format(moment);
  };
  const tellTimes = () => {
    const now = new Date();
    document.querySelectorAll("time[data-relative]").forEach((element) => {
      const moment = new Date(element.dateTime);
      const text = age(moment, now);
      if (element.textContent !== text) element.textContent = text;
      if (!element.title) element.title = exact.format(moment);
    });
    document.querySelectorAll("time[data-clock]").forEach((element) => {
      const options = JSON.parse(element.dataset.clock || "{}");
      element.textContent = new Date(element.dateTime).toLocaleString(undefined, options);
    });
  };

  const announce = (text) => {
    const region = document.getElementById("said") ?? document.body.appendChild(
      Object.assign(document.createElement("div"), { id: "said", className: "sr", role: "status" }));
    region.textContent = text;
  };
  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    const text = button.dataset.copyText ?? (source.value ?? source.textContent).trim();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text, className: "sr" }));
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const label = button.querySelector("span") ?? button;
    const before = label.textContent;
    label.textContent = "Copied";
    announce("Copied to the clipboard");
    setTimeout(() => { label.textContent = before; }, 1600);
  };

  const tabs = (button) => {
    const group = button.closest("[role=tablist]");
    group.querySelectorAll("[role=tab]").forEach((tab) => {
      const chosen = tab === button;
      tab.setAttribute("aria-selected", chosen);
      tab.tabIndex = chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !chosen;
    });
    button.focus();
  };

  const closeMenus = (except) => document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu !== except) menu.open = false;
  });

  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    closeMenus(on("details.menu"));
    if (on("[data-theme-toggle]")) {
      setTheme(themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length]);
    } else if (on("[data-menu]")) {
      const button = on("[data-menu]");
      const open = document.getElementById(button.getAttribute("aria-controls")).classList.toggle("open");
      button.setAttribute("aria-expanded", open);
    } else if (on("[data-copy], [data-copy-text]")) {
      copy(on("[data-copy], [data-copy-text]"));
    } else if (on("[data-dismiss]")) {
      on(".toast").remove();
    } else if (on("[data-opens]")) {
      document.getElementById(on("[data-opens]").dataset.opens).showModal();
    } else if (on("[role=tab]")) {
      tabs(on("[role=tab]"));
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.closest("form[data-auto]")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
    // A filter left empty need not stand in the address.
    if (event.target.method === "get") {
      event.target.querySelectorAll("input, select").forEach((field) => { field.disabled = field.disabled || !field.value; });
      setTimeout(() => event.target.querySelectorAll("input, select").forEach((field) => { field.disabled = false; }));
    }
  });

  let first = 0;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus();
    const tab = event.target.closest?.("[role=tab]");
    if (tab && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      const all = [...tab.parentElement.querySelectorAll("[role=tab]")];
      tabs(all.at((all.indexOf(tab) + (event.key === "ArrowRight" ? 1 : -1)) % all.length));
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, select, textarea, [contenteditable]")) return;
    if (event.key === "?") {
      document.getElementById("shortcuts")?.showModal();
    } else if (event.key === "/") {
      const field = document.querySelector("[data-search]");
      if (field) { event.preventDefault(); field.focus(); field.select?.(); }
    } else if (event.key === "g") {
      first = Date.now();
    } else if (Date.now() - first < 1200) {
      first = 0;
      document.querySelector(`[data-keys="g ${CSS.escape(event.key)}"]`)?.click();
    }
  });

  // Live parts listen for `pulse`, which beats only while someone is looking and no detail is open.
  let beats = 0;
  setInterval(() => {
    if (document.hidden) return;
    beats += 1;
    if (beats % 5 === 0) tellTimes();
    document.querySelectorAll("[data-live]").forEach((part) => {
      const busy = part.querySelector("details[open]") || part.contains(document.activeElement);
      if (!busy && beats % Number(part.dataset.live) === 0) window.htmx?.trigger(part, "pulse");
    });
  }, 1000);
  let before = new Set();
  const rows = () => [...document.querySelectorAll("tr[data-row]")];
  document.addEventListener("htmx:beforeSwap", () => { before = new Set(rows().map((row) => row.dataset.row)); });
  document.addEventListener("htmx:afterSwap", () => {
    if (before.size) rows().forEach((row) => row.classList.toggle("new", !before.has(row.dataset.row)));
  });
  document.addEventListener("htmx:afterSwap", tellTimes);
  document.addEventListener("htmx:responseError", () => announce("The page could not be brought up to date."));
  document.querySelectorAll("[data-theme-label]").forEach((label) => {
    label.textContent = labels[root.dataset.theme] ?? labels[""];
  });
  tellTimes();
})();
