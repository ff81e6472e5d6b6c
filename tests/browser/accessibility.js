// What a page owes to people who do not see it, or not well. Returns a list of faults.
() => {
  const faults = [];
  const shown = (element) => element.checkVisibility({ checkVisibilityCSS: true });
  const name = (element) => element.outerHTML.slice(0, 90);
  const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);

  if (!document.documentElement.lang) faults.push("the page has no language");
  if (all("h1").length !== 1) faults.push(`${all("h1").length} first headings`);
  if (all("main").length !== 1) faults.push("not exactly one main landmark");
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  ids.filter((id, place) => ids.indexOf(id) !== place).forEach((id) => faults.push(`id ${id} twice`));
  all("input:not([type=hidden]), select, textarea").forEach((field) => {
    if (!field.labels?.length && !field.getAttribute("aria-label")) faults.push(`no label: ${name(field)}`);
  });
  all("a[href], button, summary").forEach((control) => {
    const words = control.getAttribute("aria-label") ?? control.textContent.trim();
    if (!words) faults.push(`no name: ${name(control)}`);
  });
  all("svg").forEach((drawing) => {
    const told = drawing.getAttribute("role") === "img" && drawing.getAttribute("aria-label");
    if (!told && drawing.getAttribute("aria-hidden") !== "true") faults.push(`mute drawing: ${name(drawing)}`);
  });
  all("img").forEach((image) => { if (!image.hasAttribute("alt")) faults.push(`no alt: ${name(image)}`); });
  all("table").forEach((table) => {
    if (!table.querySelector("th[scope]")) faults.push(`no headed cells: ${name(table)}`);
  });
  [...document.querySelectorAll("[aria-labelledby], [aria-controls], [aria-describedby]")].forEach((element) => {
    for (const attribute of ["aria-labelledby", "aria-controls", "aria-describedby"]) {
      for (const id of (element.getAttribute(attribute) ?? "").split(" ").filter(Boolean)) {
        if (!document.getElementById(id)) faults.push(`${attribute} names ${id}, which is nowhere`);
      }
    }
  });

  const parse = (text) => {
    const numbers = text.match(/[\d.]+/g).map(Number);
    const scale = text.startsWith("color(") ? 255 : 1;
    return { rgb: numbers.slice(0, 3).map((n) => n * scale), alpha: numbers[3] ?? 1 };
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.alpha === 1) return colour.rgb;
    }
    return [255, 255, 255];
  };
  const light = (rgb) => rgb
    .map((channel) => channel / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, place) => sum + c * [0.2126, 0.7152, 0.0722][place], 0);
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || seen.has(element) || !shown(element) || element.closest("svg, option, :disabled, .sr, script")) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    const ratio = contrast(parse(style.color).rgb, ground(element));
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)}: ${name(element)}`);
  }
  return faults;
}
