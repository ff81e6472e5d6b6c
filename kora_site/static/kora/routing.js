// The builder of rules and the order of their list. Without this the JSON beside it does the same.
(() => {
  const make = (tag, marks = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(marks)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child != null));
    return element;
  };
  const option = (value, words, chosen) => {
    const made = make("option", { value }, words ?? value);
    made.selected = chosen;
    return made;
  };
  const select = (label, value, choices, changed) => {
    const made = make("select", { "aria-label": label, onchange: () => changed(made.value) });
    made.append(...choices.map(([name, words]) => option(name, words, name === value)));
    return made;
  };
  const input = (label, value, marks, changed) => {
    const made = make("input", { "aria-label": label, autocomplete: "off", ...marks, oninput: () => changed(made.value) });
    made.value = value ?? "";
    return made;
  };
  const say = (text) => {
    const region = document.getElementById("said") ?? document.body.appendChild(
      make("div", { id: "said", class: "sr", role: "status" }));
    region.textContent = text;
  };

  /* Conditions: groups of parts, and leaves that ask one fact. */
  const MODES = [["all", "All of these hold"], ["any", "Any of these holds"], ["none", "None of these holds"], ["some-not", "Not all of these hold"]];
  const WRAPPED = { none: "any", "some-not": "all" };
  const group = (mode, parts, place) => ({ mode, parts, place });
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  const readPart = (said, place, operators) => {
    if (!isObject(said)) throw new Error("no condition");
    const word = ["all", "any"].find((name) => Array.isArray(said[name]));
    if (word) return group(word, said[word].map((part, at) => readPart(part, `${place}.${word}[${at}]`, operators)), place);
    if ("not" in said) return negated(readPart(said.not, `${place}.not`, operators), place);
    const operator = Object.keys(said).find((name) => name !== "signal" && operators[name]);
    if (!operator || typeof said.signal !== "string") throw new Error("another shape");
    return { signal: said.signal, operator, value: said[operator], place };
  };
  const negated = (part, place) => {
    if (!part.parts) return group("none", [part], place);
    const turned = { any: "none", all: "some-not" }[part.mode];
    return turned ? group(turned, part.parts, place) : group("none", [part], place);
  };
  const readCondition = (said, operators) => {
    if (isObject(said) && Object.keys(said).length === 0) return group("all", [], "when");
    const part = readPart(said, "when", operators);
    return part.parts ? part : group("all", [part], "when");
  };
  const writePart = (part) => {
    if (!part.parts) return { signal: part.signal, [part.operator]: part.value };
    const parts = part.parts.map(writePart);
    const word = WRAPPED[part.mode];
    if (word) return { not: parts.length === 1 ? parts[0] : { [word]: parts } };
    return { [part.mode]: parts };
  };
  const writeCondition = (root) => {
    if (root.parts.length === 0) return {};
    return root.parts.length === 1 && root.mode in { all: 1, any: 1 } ? writePart(root.parts[0]) : writePart(root);
  };

  class Conditions {
    constructor(vocabulary, changed) {
      this.signals = vocabulary.signals;
      this.operators = Object.fromEntries(vocabulary.operators.map((each) => [each.name, each]));
      this.changed = changed;
      this.root = group("all", [], "when");
    }
    read(said) { this.root = readCondition(said, this.operators); }
    write() { return writeCondition(this.root); }
    known(name) {
      const whole = this.signals.find((each) => !each.open && each.name === name);
      return whole ?? this.signals.find((each) => each.open && name.startsWith(each.name));
    }
    draw() { return this.group(this.root, null); }

    group(node, above) {
      const parts = make("div", { class: "parts" }, ...node.parts.map((part) => this.part(part, node)));
      const head = make("div", { class: "group-head" },
        select("How the conditions join", node.mode, MODES, (mode) => { node.mode = mode; this.changed(); }),
        above && this.remover("Remove this group", node, above));
      const foot = make("div", { class: "group-foot" },
        this.adder("Condition", () => node.parts.push(this.fresh())),
        this.adder("Group", () => node.parts.push(group("any", [this.fresh()], ""))));
      const none = node.parts.length === 0 && make("p", { class: "muted small" }, above ? "Nothing in this group yet." : "No condition: it always holds.");
      return make("div", { class: above ? "group inner" : "group" }, head, none || null, parts, foot);
    }
    part(part, above) { return part.parts ? this.group(part, above) : this.leaf(part, above); }
    fresh() { return { signal: "prompt_tokens", operator: "more_than", value: 2000, place: "" }; }
    adder(words, add) {
      return make("button", { type: "button", class: "button small", onclick: () => { add(); this.changed(true); } }, `+ ${words}`);
    }
    remover(words, part, above) {
      const drop = () => { above.parts.splice(above.parts.indexOf(part), 1); this.changed(true); };
      return make("button", { type: "button", class: "button small quiet", "aria-label": words, onclick: drop }, "×");
    }

    leaf(leaf, above) {
      const signal = this.known(leaf.signal);
      const fits = Object.values(this.operators).filter((each) => !signal || each.kinds.includes(signal.kind));
      if (!fits.some((each) => each.name === leaf.operator)) fits.push(this.operators[leaf.operator]);
      const row = make("div", { class: "leaf", "data-place": leaf.place },
        this.names(leaf, signal),
        signal?.open ? input(`The rest of ${signal.name}`, leaf.signal.slice(signal.name.length), { placeholder: "name", size: 10 }, (text) => { leaf.signal = signal.name + text; this.changed(); }) : null,
        select("Operator", leaf.operator, fits.map((each) => [each.name, each.words]), (name) => { this.turn(leaf, name); this.changed(true); }),
        this.operand(leaf, signal),
        this.remover("Remove this condition", leaf, above));
      if (signal) row.title = signal.words;
      return row;
    }
    names(leaf, signal) {
      const made = make("select", { "aria-label": "Signal", onchange: () => this.rename(leaf, made.value) });
      const chosen = signal?.name ?? leaf.signal;
      for (const title of ["Prompt", "Request", "Named"]) {
        const inside = this.signals.filter((each) => each.group === title);
        const words = (each) => (each.open ? `${each.name}…` : each.name);
        if (inside.length) made.append(make("optgroup", { label: title }, ...inside.map((each) => option(each.name, words(each), each.name === chosen))));
      }
      if (!signal) made.append(option(leaf.signal, leaf.signal, true));
      return made;
    }
    rename(leaf, name) {
      const signal = this.known(name);
      leaf.signal = name;
      const fits = Object.values(this.operators).filter((each) => each.kinds.includes(signal.kind));
      const kept = fits.some((each) => each.name === leaf.operator);
      leaf.operator = kept ? leaf.operator : fits[0].name;
      leaf.value = this.first(leaf, signal);
      this.changed(true);
    }
    turn(leaf, operator) {
      const before = this.operators[leaf.operator].shape;
      leaf.operator = operator;
      if (this.operators[operator].shape !== before) leaf.value = this.first(leaf, this.known(leaf.signal));
    }
    first(leaf, signal) {
      const one = { "yes/no": true, number: 0 }[signal?.kind] ?? signal?.choices[0] ?? "";
      return { several: [one], two: [0, 1], flag: true }[this.operators[leaf.operator].shape] ?? one;
    }

    operand(leaf, signal) {
      const keep = (value) => { leaf.value = value; this.changed(); };
      const { shape } = this.operators[leaf.operator];
      if (shape === "flag") return select("Value", String(leaf.value), [["true", "there"], ["false", "absent"]], (text) => keep(text === "true"));
      if (shape === "two") return this.range(leaf, keep);
      if (shape === "several") return input("Values, separated by commas", (Array.isArray(leaf.value) ? leaf.value : [leaf.value]).map((each) => this.shown(each, signal)).join(", "), { placeholder: signal?.choices.join(", ") || "one, another" }, (text) => keep(text.split(",").map((each) => each.trim()).filter(Boolean).map((each) => this.typed(each, signal))));
      if (signal?.kind === "yes/no") return select("Value", String(leaf.value), [["true", "yes"], ["false", "no"]], (text) => keep(text === "true"));
      if (signal?.choices.length) return select("Value", leaf.value, [...new Set([leaf.value, ...signal.choices])].filter((each) => each !== "").map((each) => [each, each]), keep);
      if (signal?.kind === "number") return input("Value", leaf.value, { type: "number", step: "any" }, (text) => keep(text === "" ? "" : Number(text)));
      return input("Value", this.shown(leaf.value, signal), { placeholder: leaf.operator === "matches" ? "a pattern" : "text" }, (text) => keep(this.typed(text, signal)));
    }
    range(leaf, keep) {
      const ends = Array.isArray(leaf.value) ? [...leaf.value] : [0, 1];
      const one = (at, words) => input(words, ends[at], { type: "number", step: "any" }, (text) => { ends[at] = text === "" ? "" : Number(text); keep([...ends]); });
      return make("span", { class: "range" }, one(0, "From"), "to", one(1, "To"));
    }
    typed(text, signal) {
      if (signal?.kind === "number") return Number.isNaN(Number(text)) ? text : Number(text);
      if (signal && signal.kind !== "any") return text;
      try {
        const said = JSON.parse(text);
        return typeof said === "object" ? text : said;
      } catch { return text; }
    }
    shown(value, signal) {
      if (typeof value !== "string") return String(value);
      return signal?.kind === "any" && this.typed(value, signal) !== value ? JSON.stringify(value) : value;
    }
  }

  /* Effects: what follows, one part each. */
  const EFFECTS = [
    ["use", "Ask this model instead"], ["only", "Only these may answer"], ["avoid", "These may not answer"],
    ["set", "Tighten what the answer has to keep"], ["cache", "Stored answers"],
    ["reply", "Answer with this text"], ["deny", "Refuse with this message"], ["continue", "Go on with the next rule"]];
  const FRESH = { use: "auto:cheap", only: [], avoid: [], deny: "", reply: "", cache: { mode: "off" }, set: { locality: "local" }, continue: true };
  const NUMBERS = { max_cost: "Most it may cost (USD)", max_latency_ms: "Latest answer (ms)", min_quality: "Least quality (0 to 1)", max_age: "Oldest stored answer (s)", similarity: "Least similarity (0 to 1)" };

  class Effects {
    constructor(vocabulary, changed, place = "then", offered = EFFECTS) { Object.assign(this, { vocabulary, changed, place, offered, said: {} }); }
    read(said) {
      if (!isObject(said)) throw new Error("no effects");
      this.said = said;
    }
    write() { return this.said; }
    draw() {
      const names = Object.keys(this.said);
      const left = this.offered.filter(([name]) => !(name in this.said));
      const add = make("select", { "aria-label": "Add what follows", onchange: () => { this.said[add.value] = structuredClone(FRESH[add.value]); this.changed(true); } },
        option("", "+ What follows…", true), ...left.map(([name, words]) => option(name, words, false)));
      const none = names.length === 0 && make("p", { class: "muted small" }, this.place === "then" ? "Nothing follows yet." : "Answered as today.");
      return make("div", { class: "effects" }, none || null, ...names.map((name) => this.effect(name)), left.length ? add : null);
    }
    effect(name) {
      const words = EFFECTS.find(([known]) => known === name)?.[1] ?? name;
      const drop = () => { delete this.said[name]; this.changed(true); };
      const remove = make("button", { type: "button", class: "button small quiet", "aria-label": `Remove: ${words}`, onclick: drop }, "×");
      const field = this.field(name, words);
      return make("div", { class: "effect", "data-place": `${this.place}.${name}` }, make("div", { class: "effect-head" }, make("b", {}, words), remove), field ?? null);
    }
    field(name, words) {
      const keep = (value) => { this.said[name] = value; this.changed(); };
      const value = this.said[name];
      if (name === "use") return select(words, value, [...new Set([value, ...this.vocabulary.models])].map((each) => [each, each]), keep);
      if (name === "only" || name === "avoid") return this.backends(Array.isArray(value) ? value : [], keep);
      if (name === "deny" || name === "reply") {
        const area = make("textarea", { "aria-label": words, rows: 2, oninput: () => keep(area.value) });
        area.value = typeof value === "string" ? value : "";
        return area;
      }
      if (name === "set") return this.several(value, ["max_cost", "max_latency_ms", "min_quality", "locality", "data_class"], keep);
      if (name === "cache") return this.several(value, ["mode", "max_age", "similarity"], keep);
      return name === "continue" ? null : make("p", { class: "muted small" }, "Written as JSON below.");
    }
    backends(chosen, keep) {
      const all = [...new Set([...this.vocabulary.backends, ...chosen])];
      const box = (name) => {
        const tick = make("input", { type: "checkbox", onchange: () => keep(all.filter((each) => (each === name ? tick.checked : chosen.includes(each)))) });
        tick.checked = chosen.includes(name);
        tick.addEventListener("change", () => { chosen = all.filter((each) => (each === name ? tick.checked : chosen.includes(each))); });
        return make("label", {}, tick, name);
      };
      return make("div", { class: "checks" }, ...all.map(box));
    }
    several(value, names, keep) {
      const said = isObject(value) ? { ...value } : {};
      const put = (name, given) => {
        if (given === "" || given == null) delete said[name];
        else said[name] = given;
        keep({ ...said });
      };
      return make("div", { class: "form-pair" }, ...names.map((name) => make("label", { class: "stacked" }, NUMBERS[name] ?? { mode: "How", locality: "Where", data_class: "Class of data" }[name], this.one(name, said[name], (given) => put(name, given)))));
    }
    one(name, value, put) {
      const lists = { mode: this.vocabulary.cache_modes, locality: this.vocabulary.localities };
      if (lists[name]) return select(name, value ?? "", [["", "–"], ...lists[name].map((each) => [each, each])], put);
      if (name === "data_class") return input(name, value, {}, put);
      return input(name, value, { type: "number", step: "any", min: 0 }, (text) => put(text === "" ? "" : Number(text)));
    }
  }

  /* Arms of an experiment: who answers, and how much of the traffic each takes. */
  const OF_ARMS = EFFECTS.filter(([name]) => ["use", "only", "avoid", "set"].includes(name));
  class Arms {
    constructor(vocabulary, changed) { Object.assign(this, { vocabulary, changed, arms: [] }); }
    read(said) {
      if (!Array.isArray(said) || !said.every(isObject)) throw new Error("no arms");
      this.arms = said;
    }
    write() { return this.arms; }
    draw() {
      const add = () => { this.arms.push({ name: `arm-${this.arms.length}`, share: 1, then: { use: "auto:best" } }); this.changed(true); };
      return make("div", { class: "effects" }, ...this.arms.map((arm, at) => this.arm(arm, at)), make("button", { type: "button", class: "button small", onclick: add }, "+ Arm"));
    }
    arm(arm, at) {
      const effects = new Effects(this.vocabulary, (again) => { arm.then = effects.write(); this.changed(again); }, `arms[${at}].then`, OF_ARMS);
      effects.read(arm.then ?? {});
      const drop = () => { this.arms.splice(at, 1); this.changed(true); };
      const remove = make("button", { type: "button", class: "button small quiet", "aria-label": `Remove the arm ${arm.name}`, onclick: drop }, "×");
      const keep = (name) => (value) => { arm[name] = value; this.changed(); };
      const head = make("div", { class: "arm-head" },
        make("label", { class: "stacked" }, at === 0 ? "Name (what is done today)" : "Name", input("Name of the arm", arm.name, {}, keep("name"))),
        make("label", { class: "stacked" }, "Parts of the traffic", input("Parts of the traffic", arm.share ?? 1, { type: "number", step: "any", min: 0 }, (text) => keep("share")(text === "" ? "" : Number(text)))),
        at > 0 ? remove : null);
      return make("div", { class: "group inner", "data-place": `arms[${at}]` }, head, effects.draw());
    }
  }

  const MODELS = { when: Conditions, then: Effects, arms: Arms };
  const build = (card, vocabulary) => {
    const area = card.querySelector("textarea");
    const rows = card.querySelector("[data-rows]");
    const draw = () => { rows.replaceChildren(model.draw()); mark(); };
    const model = new MODELS[card.dataset.builder](vocabulary, (again) => {
      area.value = JSON.stringify(model.write(), null, 2);
      if (again) { const open = focusAt(rows); draw(); open(rows); }
    });
    const errors = [...card.querySelectorAll(".errorlist li")].map((each) => each.textContent);
    const mark = () => {
      const holds = (part, words) => part.dataset.place && [".", ":", "["].some((next) => words.startsWith(part.dataset.place + next));
      for (const words of errors) {
        const parts = [...rows.querySelectorAll("[data-place]")].filter((part) => holds(part, words));
        const nearest = parts.sort((one, other) => other.dataset.place.length - one.dataset.place.length)[0];
        nearest?.classList.add("wrong-part");
        nearest?.append(make("p", { class: "errors" }, words.slice(words.indexOf(": ") + 2)));
      }
    };
    const read = () => {
      try {
        model.read(JSON.parse(area.value || "{}"));
        draw();
        return true;
      } catch {
        rows.replaceChildren(make("p", { class: "muted small" }, "The JSON below says something that cannot be drawn here."));
        return false;
      }
    };
    area.addEventListener("input", read);
    const fits = read();
    card.querySelector("[data-json]").open = !fits;
    if (area.disabled || area.matches("fieldset:disabled *")) rows.classList.add("fixed");
  };
  const focusAt = (rows) => {
    const controls = (within) => [...within.querySelectorAll("select, input, textarea, button")];
    const at = controls(rows).indexOf(document.activeElement);
    return (within) => { if (at >= 0) (controls(within)[at] ?? controls(within).at(-1))?.focus(); };
  };
  const vocabulary = document.getElementById("vocabulary");
  if (vocabulary) document.querySelectorAll("[data-builder]").forEach((card) => build(card, JSON.parse(vocabulary.textContent)));

  /* The order of the list: drag by the grip, or arrow keys on it. */
  let carried = null;
  let before = "";
  const order = (list) => [...list.children].map((line) => line.dataset.id).join(",");
  document.addEventListener("pointerdown", (event) => {
    const line = event.target.closest?.("[data-grip]")?.closest("[data-id]");
    if (line) line.draggable = true;
  });
  document.addEventListener("dragstart", (event) => {
    carried = event.target.closest?.("[data-sortable] > [data-id]");
    if (!carried) return;
    before = order(carried.parentElement);
    event.dataTransfer.effectAllowed = "move";
    carried.classList.add("carried");
  });
  document.addEventListener("dragover", (event) => {
    const over = carried && event.target.closest?.("[data-sortable] > [data-id]");
    if (!over || over.parentElement !== carried.parentElement) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    if (over !== carried) over[event.clientY > box.top + box.height / 2 ? "after" : "before"](carried);
  });
  document.addEventListener("drop", (event) => { if (carried) event.preventDefault(); });
  document.addEventListener("dragend", () => {
    if (!carried) return;
    const list = carried.parentElement;
    carried.classList.remove("carried");
    carried.draggable = false;
    carried = null;
    if (order(list) === before) return;
    const form = document.getElementById(list.dataset.sortable);
    form.elements.ids.value = order(list);
    form.requestSubmit();
  });
  document.addEventListener("keydown", (event) => {
    const grip = event.target.closest?.("[data-grip]");
    const step = { ArrowUp: "up", ArrowDown: "down" }[event.key];
    if (!grip || !step) return;
    event.preventDefault();
    document.getElementById(`${step}-${grip.id.slice(5)}`)?.click();
  });
  document.addEventListener("htmx:afterSwap", () => {
    const told = document.querySelector("[data-say]");
    if (told) say(told.dataset.say);
  });
})();
