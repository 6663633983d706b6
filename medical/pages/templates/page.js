"use strict";
document.documentElement.classList.add("scripted");

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
// Without the small letters below.
const shownIn = (cell) => cell.firstChild.textContent;
const keyOf = (cell) => cell.dataset.key ?? cell.textContent;

// Empty cells stay last in both directions; equal ones keep their order.
function compare(first, second, numeric, sign) {
  if (first === "" || second === "") return (first === "") - (second === "");
  return sign * (numeric ? Number(first) - Number(second) : collator.compare(first, second));
}

function sortBy(table, header) {
  const ascending = header.getAttribute("aria-sort") !== "ascending";
  const numeric = header.classList.contains("number");
  const body = table.tBodies[0];
  const keyed = Array.from(body.rows, (row) => [keyOf(row.cells[header.cellIndex]), row]);
  keyed.sort(([first], [second]) => compare(first, second, numeric, ascending ? 1 : -1));
  body.append(...keyed.map(([, row]) => row));
  for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
}

function choose(frame, selects) {
  const rows = frame.querySelector("tbody").rows;
  let shown = 0;
  for (const row of rows) {
    row.hidden = selects.some((select) => select.value && shownIn(row.cells[select.dataset.column]) !== select.value);
    shown += !row.hidden;
  }
  const output = frame.querySelector("output");
  const things = rows.length === 1 ? output.dataset.one : output.dataset.one + "s";
  output.textContent = shown === rows.length ? `${shown} ${things}` : `${shown} of ${rows.length} ${things}`;
}

for (const frame of document.querySelectorAll("[data-sortable]")) {
  const table = frame.querySelector("table");
  for (const header of table.tHead.rows[0].cells) header.addEventListener("click", () => sortBy(table, header));
  const selects = Array.from(frame.querySelectorAll("select"));
  for (const select of selects) {
    select.value = "";
    select.addEventListener("change", () => choose(frame, selects));
  }
}

// A link to a row that is filtered out, or to something that is folded in, shows it first.
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let outer = target.parentElement; outer; outer = outer.parentElement) if (outer.tagName === "DETAILS") outer.open = true;
  if (target.hidden) {
    const frame = target.closest("[data-sortable]");
    const selects = Array.from(frame.querySelectorAll("select"));
    for (const select of selects) select.value = "";
    choose(frame, selects);
  }
  target.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", reveal);
reveal();

const dialog = document.createElement("dialog");
dialog.addEventListener("click", () => dialog.close());
document.body.append(dialog);
for (const button of document.querySelectorAll(".zoom")) {
  button.addEventListener("click", () => {
    dialog.replaceChildren(button.firstElementChild.cloneNode());
    dialog.showModal();
  });
}
