// Tables of class "sortable": sort by a heading, filter rows, hide columns, take the table along.
"use strict";

(() => {
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? cell.textContent.trim() : Number(cell.dataset.sort);
  };

  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === typeof b) return a.localeCompare(b, "en", { numeric: true });
    return typeof a === "number" ? -1 : 1;
  };

  const make = (name, text, more = {}) =>
    Object.assign(document.createElement(name), { textContent: text, ...more });

  function sort(table, column, heading) {
    const descending = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const keyed = Array.from(table.tBodies[0].rows, (row) => [keyOf(row, column), row]);
    const direction = descending ? -1 : 1;
    // cells without a number come last, whichever way the numbers go
    keyed.sort(([a], [b]) => compare(a, b) * (typeof a === typeof b ? direction : 1));
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  }

  const clean = (text) => text.replace(/[\u2060]/g, "").replace(/\s+/g, " ").trim();

  const onLinesOfTheirOwn = new Set(["BR", "DETAILS", "DIV", "PRE", "SUMMARY"]);

  // the text of an element, with ^ for what is raised
  const plain = (element) => clean(Array.from(element.childNodes, (node) => {
    if (node.nodeName === "SUP") return `^${node.textContent.replace("\u2212", "-")}`;
    if (node.nodeType === Node.TEXT_NODE) return node.nodeValue;
    return onLinesOfTheirOwn.has(node.nodeName) ? ` ${plain(node)} ` : plain(node);
  }).join(""));

  function contents(table) {
    const rows = [table.tHead.rows[0], ...table.tBodies[0].rows].filter((row) => !row.hidden);
    return rows.map((row) =>
      Array.from(row.cells).filter((cell) => !cell.hidden).map((cell) => {
        const unit = cell.querySelector(".unit");
        const title = cell.querySelector(".title");
        return title ? plain(title) + (unit ? ` (${plain(unit)})` : "") : plain(cell);
      }));
  }

  const csvCell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const texSigns = {
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}",
    ">": "\\textgreater{}", "|": "\\textbar{}", "\u00b1": "$\\pm$", "\u2212": "-",
  };
  const texPlain = (text) => text.replace(/[\\~^<>|\u00b1\u2212]|[&%$#_{}]/g, (sign) => texSigns[sign] ?? `\\${sign}`);
  const power = /(\u00d710)?\^(-?\d+)/g;

  function tex(text) {
    const parts = [];
    let end = 0;
    for (const found of text.matchAll(power)) {
      parts.push(texPlain(text.slice(end, found.index)), `$${found[1] ? "\\times 10" : ""}^{${found[2]}}$`);
      end = found.index + found[0].length;
    }
    return parts.join("") + texPlain(text.slice(end));
  }

  // a file without a caption says in every row what its numbers are
  const labelled = (rows, caption) => (caption.startsWith("Generated data")
    ? rows.map((row, i) => [...row, i ? "generated; nothing here reproduces the paper" : "Data"]) : rows);

  const FORMS = {
    CSV: ["csv", (rows, caption) =>
      labelled(rows, caption).map((row) => row.map(csvCell).join(",")).join("\n") + "\n"],
    Markdown: ["md", (rows, caption) => {
      const lines = rows.map((row) => `| ${row.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`);
      lines.splice(1, 0, `|${" --- |".repeat(rows[0].length)}`);
      return `${caption}\n\n${lines.join("\n")}\n`;
    }],
    LaTeX: ["tex", (rows, caption) => {
      const lines = rows.map((row) => `${row.map(tex).join(" & ")} \\\\`);
      lines.splice(1, 0, "\\midrule");
      return `% needs \\usepackage{booktabs}\n\\begin{table}\n\\caption{${tex(caption)}}\n` +
        `\\begin{tabular}{${"l".repeat(rows[0].length)}}\n\\toprule\n${lines.join("\n")}\n` +
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n";
    }],
  };

  function download(table, name) {
    const [ending, form] = FORMS[name];
    const text = form(contents(table), plain(table.caption));
    const link = make("a", "", { download: `${table.id}.${ending}` });
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  async function copy(table, name, state) {
    const text = FORMS[name][1](contents(table), plain(table.caption));
    try {
      await navigator.clipboard.writeText(text);
      state.textContent = `${name} copied.`;
    } catch {
      state.textContent = "The browser does not allow copying; take the download.";
    }
  }

  function filter(table, words, state) {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = Array.from(table.tBodies[0].rows);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
    }
    const shown = rows.filter((row) => !row.hidden).length;
    state.textContent = wanted.length ? `${shown} of ${rows.length} rows` : "";
  }

  function columns(table) {
    const box = make("details", "", { className: "choose" });
    const list = make("div", "");
    Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
      if (column === 0) return; // the name of a row stays
      const label = make("label", "");
      const tick = make("input", "", { type: "checkbox", checked: true });
      tick.addEventListener("change", () => {
        for (const row of table.rows) row.cells[column].hidden = !tick.checked;
      });
      label.append(tick, ` ${clean((heading.querySelector(".title") ?? heading).textContent)}`);
      list.append(label);
    });
    box.append(make("summary", "Columns"), list);
    return box;
  }

  function tools(table) {
    const bar = make("div", "", { className: "tools" });
    const state = make("span", "", { className: "state" });
    state.setAttribute("role", "status");
    const words = make("input", "", { type: "search", placeholder: "Filter rows" });
    words.setAttribute("aria-label", `Filter rows of: ${clean(table.caption.textContent).slice(0, 80)}`);
    words.addEventListener("input", () => filter(table, words.value, state));
    const take = make("details", "", { className: "choose" });
    const list = make("div", "");
    for (const name of Object.keys(FORMS)) {
      const save = make("button", `Download ${name}`, { type: "button" });
      save.addEventListener("click", () => download(table, name));
      const clip = make("button", `Copy ${name}`, { type: "button" });
      clip.addEventListener("click", () => copy(table, name, state));
      list.append(save, clip);
    }
    take.append(make("summary", "Download or copy"), list);
    bar.append(words, columns(table), take, state);
    return bar;
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
      const button = make("button", "", { type: "button" });
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, column, heading));
    });
    table.closest(".scroll").before(tools(table));
  }
})();
