// Sorts, filters and groups the rows that stand in the page. Without it, all of them stand there by policy.
"use strict";

function enhance() {
  const SHOWN = 50; // rows of a group, and
  const FLAT = 200; // rows without groups, that are shown before somebody asks for more
  const ORDER = { severity: ["critical", "high", "medium", "low"], state: ["open", "undetermined", "exempt", "baselined"] };
  const NAMELESS = { owner: "(no owner)", project: "(no project)", account: "(no account)", region: "(no region)" };

  const table = document.getElementById("all");
  const form = document.getElementById("controls");
  const status = document.getElementById("status");
  if (!table) return;
  const CHOICES = [...form.querySelectorAll("select")].map((select) => select.name);

  const heads = new Map(); // of the groups by policy, as they came
  const rows = [];
  for (const body of table.tBodies) {
    heads.set(body.dataset.key, body.rows[0]);
    for (let i = 1; i < body.rows.length; i++) rows.push(read(body.rows[i], body.dataset));
  }

  const sort = { by: "", down: false };
  const open = new Set(); // groups whose every row is shown
  let all = false; // for paper

  function read(tr, { key, state }) {
    const [severity, policy, resource, what, owner, project, price] = tr.cells;
    const data = price.firstElementChild;
    return {
      tr, key, state,
      severity: severity.firstElementChild.textContent,
      policy: policy.textContent.trim(),
      resource: resource.firstElementChild.textContent,
      what: what.textContent.trim(),
      owner: owner.textContent.trim(),
      project: project.textContent.trim(),
      account: tr.dataset.account,
      region: tr.dataset.region,
      price: data ? Number(data.value) : null,
      text: "",
    };
  }

  const words = new Intl.Collator(undefined, { numeric: true });
  const COMPARE = {
    severity: (a, b) => ORDER.severity.indexOf(a.severity) - ORDER.severity.indexOf(b.severity),
    policy: (a, b) => words.compare(a.policy, b.policy),
    resource: (a, b) => words.compare(a.resource, b.resource),
    what: (a, b) => words.compare(a.what, b.what),
    owner: (a, b) => words.compare(a.owner, b.owner),
    project: (a, b) => words.compare(a.project, b.project),
    price: (a, b) => (a.price ?? -1) - (b.price ?? -1),
  };

  function chosen() {
    const wanted = new FormData(form);
    const sought = String(wanted.get("search")).toLowerCase().split(/\s+/).filter(Boolean);
    const is = CHOICES.filter((name) => wanted.get(name) !== "*");
    return rows.filter((row) => {
      if (!is.every((name) => row[name] === wanted.get(name))) return false;
      if (!sought.length) return true;
      row.text ||= row.tr.textContent.toLowerCase();
      return sought.every((word) => row.text.includes(word));
    });
  }

  function grouped(found, by) {
    if (by === "none") return [{ key: "none", rows: found }];
    const groups = new Map();
    for (const row of found) {
      const key = by === "policy" ? row.key : row[by];
      if (!groups.has(key)) groups.set(key, { key, rows: [] });
      groups.get(key).rows.push(row);
    }
    const list = [...groups.values()];
    for (const group of list) group.stake = stake(by === "policy" ? group.rows : atStake(group.rows));
    if (sort.by === "price") list.sort((a, b) => (a.stake - b.stake) * (sort.down ? -1 : 1));
    else if (!sort.by && by !== "policy") list.sort((a, b) => b.stake - a.stake);
    return list;
  }

  function atStake(found) {
    return found.filter((row) => row.state === "open");
  }

  // Each resource counts once, however many policies it breaks.
  function stake(found) {
    const prices = new Map();
    for (const row of found) if (row.price !== null) prices.set(row.resource, row.price);
    let sum = 0;
    for (const price of prices.values()) sum += price;
    return sum;
  }

  function usd(amount) {
    if (amount > 0 && amount < 0.01) return "<$0.01/h";
    return `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}/h`;
  }

  function count(number, one, many = `${one}s`) {
    return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
  }

  function element(name, properties = {}, ...children) {
    const made = document.createElement(name);
    Object.assign(made, properties);
    made.append(...children);
    return made;
  }

  function head(group, by) {
    let tr = by === "policy" ? heads.get(group.key) : null;
    if (!tr) {
      const name = element("span", { textContent: group.key || NAMELESS[by] });
      const th = element("th", { scope: "rowgroup", colSpan: 6 }, name, " ", element("span", { className: "count" }));
      tr = element("tr", { className: "head" }, th, element("td", { className: "number" }));
    }
    const resources = new Set(group.rows.map((row) => row.resource)).size;
    tr.querySelector(".count").textContent = count(resources, "resource");
    tr.lastElementChild.textContent = group.rows.some((row) => row.price !== null) ? usd(group.stake) : "–";
    return tr;
  }

  function update() {
    const by = new FormData(form).get("group");
    const found = chosen();
    if (sort.by) found.sort((a, b) => COMPARE[sort.by](a, b) * (sort.down ? -1 : 1));
    const bodies = grouped(found, by).map((group) => {
      const body = element("tbody");
      if (by !== "none") body.append(head(group, by));
      const limit = all || open.has(group.key) ? Infinity : by === "none" ? FLAT : SHOWN;
      for (const row of group.rows.slice(0, limit)) body.append(row.tr);
      if (group.rows.length > limit) body.append(more(group, group.rows.length - limit));
      return body;
    });
    for (const body of [...table.tBodies]) body.remove();
    table.append(...bodies);
    for (const th of table.tHead.rows[0].cells) {
      if (th.dataset.sort === sort.by) th.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    }
    const of = found.length < rows.length ? ` of ${rows.length.toLocaleString("en-US")}` : "";
    status.textContent = found.length
      ? `${found.length.toLocaleString("en-US")}${of} ${rows.length === 1 ? "row" : "rows"}, ${usd(stake(atStake(found)))} at stake`
      : `Nothing here fits. ${count(rows.length, "row")} in all.`;
  }

  function more(group, number) {
    const button = element("button", { type: "button", className: "button", textContent: `Show ${count(number, "more row")}` });
    button.addEventListener("click", () => {
      const next = group.rows[group.rows.length - number];
      open.add(group.key);
      update();
      next.tr.tabIndex = -1;
      next.tr.focus({ preventScroll: true });
    });
    return element("tr", { className: "more" }, element("td", { colSpan: 7 }, button));
  }

  function options(name) {
    const values = [...new Set(rows.map((row) => row[name]))];
    values.sort((a, b) => (ORDER[name] ? ORDER[name].indexOf(a) - ORDER[name].indexOf(b) : words.compare(a, b)));
    const select = form.elements[name];
    for (const value of values) select.append(element("option", { value, textContent: value || NAMELESS[name] }));
  }

  for (const th of table.tHead.rows[0].cells) {
    const button = element("button", { type: "button", className: "sort", textContent: th.textContent });
    button.addEventListener("click", () => {
      // The dearest first; everything else from the beginning.
      const down = th.dataset.sort === "price";
      sort.down = sort.by === th.dataset.sort ? !sort.down : down;
      sort.by = th.dataset.sort;
      update();
    });
    th.replaceChildren(button);
  }

  CHOICES.forEach(options);
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", update);
  form.addEventListener("reset", () => {
    sort.by = "";
    open.clear();
    setTimeout(update);
  });
  addEventListener("beforeprint", () => { all = true; update(); });
  addEventListener("afterprint", () => { all = false; update(); });
  update();
}

try {
  enhance();
} finally {
  page.classList.remove("waiting");
}
