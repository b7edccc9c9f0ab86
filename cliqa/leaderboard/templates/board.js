"use strict";
// Sorting and filtering of rows that are all in the page; without this script all are shown.
(() => {
  const form = document.querySelector(".filters");
  const status = document.getElementById("status");
  const tracks = Array.from(document.querySelectorAll("section.track"));

  const filter = () => {
    const wanted = Object.fromEntries(new FormData(form));
    let shown = 0, all = 0;
    for (const track of tracks) {
      const orders = JSON.parse(track.dataset.orders);
      const here = (!wanted.track || wanted.track === track.id) &&
        (!wanted.order || orders.includes(wanted.order));
      let kept = 0;
      for (const row of track.querySelectorAll(".board tbody tr")) {
        const fits = ["backbone", "gate", "memory", "trust", "extra"].every(
          (key) => !wanted[key] || wanted[key] === row.dataset[key]);
        row.hidden = !fits;
        all += 1;
        if (fits) kept += 1;
      }
      track.hidden = !here || !kept;
      if (!track.hidden) shown += kept;
    }
    status.textContent = `${shown} of ${all} rows shown`;
  };

  const sort = (head) => {
    const table = head.closest("table");
    const place = Array.from(head.parentNode.children).indexOf(head);
    const numeric = head.classList.contains("n");
    const before = head.getAttribute("aria-sort");
    const first = numeric && head.dataset.low !== "1" ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const now = before === first ? other : first;
    for (const each of head.parentNode.children) each.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", now);
    const sign = now === "ascending" ? 1 : -1;
    const key = (row) => row.children[place].dataset.v;
    const body = table.tBodies[0];
    const rows = Array.from(body.rows).sort((a, b) => {
      const x = key(a), y = key(b);
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      return sign * (numeric ? Number(x) - Number(y) : x.localeCompare(y));
    });
    body.append(...rows);
  };

  for (const button of document.querySelectorAll(".board thead button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }
  form.addEventListener("change", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
})();
