"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const get = id => document.getElementById(id);
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  const marks = { ok: "✓", broken: "✕", unknown: "?", planned: "" };
  const bad = state => state === "broken" || state === "unknown";
  const rows = all("#clusters tbody tr");
  const search = get("search"), troubled = get("troubled"), focus = get("focus");

  // What is not ok at a cluster, or between it and another.
  const trouble = data.states.map(bad);
  for (const [from, to, , state] of data.arrows) {
    if (bad(state)) trouble[from] = trouble[to] = true;
  }

  const chosen = () => focus.value === "" ? -1 : Number(focus.value);

  // With one cluster chosen, a line is of interest if it touches it; else if it touches
  // one that is shown.
  function linked(element, shown) {
    const from = Number(element.dataset.from), to = Number(element.dataset.to), one = chosen();
    return one >= 0 ? from === one || to === one : shown[from] || shown[to];
  }

  function update() {
    const words = search.value.toLowerCase().split(/\s+/).filter(w => w !== "");
    const only = troubled !== null && troubled.checked, one = chosen();
    const near = new Set([one]);
    for (const [from, to] of data.arrows) {
      if (from === one) near.add(to);
      if (to === one) near.add(from);
    }
    const shown = rows.map((row, i) => words.every(w => row.dataset.search.includes(w)) && (!only || trouble[i]));
    const lit = shown.map((yes, i) => yes && (one < 0 || near.has(i)));
    rows.forEach((row, i) => { row.hidden = !shown[i]; });
    matrix(shown, only);
    for (const c of all(".drawing .cluster")) {
      const i = Number(c.dataset.cluster);
      c.classList.toggle("dim", !lit[i]);
      c.classList.toggle("chosen", i === one);
    }
    for (const l of all(".drawing .lines .line, .drawing .labels .label")) l.classList.toggle("dim", !linked(l, shown));
    for (const p of all("#problems li")) {
      const about = [data.clusters.indexOf(p.dataset.name), data.clusters.indexOf(p.dataset.peer)];
      p.hidden = one >= 0 ? !about.includes(one) : about[0] >= 0 && !shown[about[0]];
    }
    overlay(one);
    detail(one);
    get("shown").textContent = shown.filter(Boolean).length + " of " + data.clusters.length + " clusters shown";
  }

  function matrix(shown, only) {
    const heads = all("#matrix thead th");
    const body = all("#matrix tbody tr");
    for (const row of body) row.hidden = !shown[Number(row.dataset.cluster)];
    heads.forEach((head, j) => {
      const hide = only && !body.some(row => !row.hidden && bad(row.cells[j + 1].className));
      head.hidden = hide;
      for (const row of body) row.cells[j + 1].hidden = hide;
    });
  }

  // In a large mesh, lines with nothing to say are not drawn: those of the chosen cluster
  // are, from the middle of its box.
  function overlay(one) {
    const lines = document.querySelector(".drawing .lines");
    for (const old of all(".extra", lines)) old.remove();
    if (one < 0) return;
    const drawn = new Set();
    for (const l of all(".line", lines)) {
      drawn.add(l.dataset.from + " " + l.dataset.to);
      if (l.hasAttribute("marker-start")) drawn.add(l.dataset.to + " " + l.dataset.from);
    }
    for (const [from, to, kind, state] of data.arrows) {
      if (from !== one && to !== one || drawn.has(from + " " + to)) continue;
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("class", "extra line " + kind + " " + state);
      path.setAttribute("d", "M" + middle(from) + "L" + middle(to));
      lines.append(path);
    }
  }

  function middle(i) {
    const box = document.querySelector('.drawing .cluster[data-cluster="' + i + '"] rect');
    const n = name => Number(box.getAttribute(name));
    return (n("x") + n("width") / 2) + " " + (n("y") + n("height") / 2);
  }

  function detail(one) {
    get("detail").hidden = one < 0;
    if (one < 0) return;
    get("detail-name").textContent = data.clusters[one];
    const list = get("detail-list");
    list.textContent = "";
    const say = (term, kind, mine, other) => {
      const found = data.arrows.filter(a => a[2] === kind && a[mine] === one);
      if (found.length === 0) return;
      const good = found.filter(a => !bad(a[3]));
      add(list, term, good.map(a => (marks[a[3]] + " " + data.clusters[a[other]]).trim()).join(", "));
      for (const a of found.filter(a => bad(a[3]))) add(list, term, marks[a[3]] + " " + data.clusters[a[other]] + ": " + a[4]);
    };
    const row = rows[one], heads = all("#clusters thead th");
    heads.slice(1).forEach((head, j) => add(list, head.textContent, row.cells[j + 1].textContent));
    say("Discovers", "discovers", 0, 1);
    say("Discovered by", "discovers", 1, 0);
    say("Serves", "serves", 0, 1);
    say("Served by", "serves", 1, 0);
  }

  function add(list, term, text) {
    if (text.trim() === "") return;
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = term;
    dd.textContent = text;
    list.append(dt, dd);
  }

  // The chosen cluster is in the address, so that it can be linked to.
  function choose(i, move) {
    focus.value = i < 0 ? "" : String(i);
    history.replaceState(null, "", i < 0 ? "#" : "#cluster=" + encodeURIComponent(data.clusters[i]));
    update();
    if (i >= 0 && move) get("detail-name").focus();
  }

  function reset() {
    search.value = "";
    if (troubled !== null) troubled.checked = false;
    choose(-1, false);
  }

  function fromAddress() {
    const at = location.hash.startsWith("#cluster=") ? data.clusters.indexOf(decodeURIComponent(location.hash.slice(9))) : -1;
    choose(at, at >= 0);
  }

  for (const c of all(".drawing .cluster")) {
    const i = Number(c.dataset.cluster);
    c.setAttribute("tabindex", "0");
    c.setAttribute("role", "button");
    c.setAttribute("aria-label", Array.from(c.querySelectorAll("text"), t => t.textContent).join(", "));
    c.addEventListener("click", () => choose(i, true));
    c.addEventListener("keydown", e => {
      if (e.key === "Enter" || e.key === " ") {
        e.preventDefault();
        choose(i, true);
      }
    });
  }
  // A picture has no buttons in it: what was one image is a group of them now.
  document.querySelector(".drawing").setAttribute("role", "group");
  search.addEventListener("input", update);
  if (troubled !== null) troubled.addEventListener("change", update);
  focus.addEventListener("change", () => choose(chosen(), false));
  get("reset").addEventListener("click", reset);
  get("controls").addEventListener("submit", e => e.preventDefault());
  get("controls").hidden = false;
  window.addEventListener("hashchange", fromAddress);
  document.addEventListener("keydown", e => {
    if (e.key === "Escape") {
      reset();
    } else if (e.key === "/" && !["INPUT", "SELECT"].includes(document.activeElement.tagName)) {
      e.preventDefault();
      search.focus();
    }
  });
  fromAddress();
})();
