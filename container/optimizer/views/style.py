"""Views of the report: colours, type and layout of the page. The colours of the kinds
are told apart by colour-blind readers."""

STYLE = """
:root {
  --font: system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace;
  --ground: #f5f6f8; --card: #fff; --line: #e3e6ea; --ink: #1b2129; --soft: #59636f; --accent: #0063b1;
  --good: #0b6e4f; --good-ground: #e3f3ed; --warn: #8a5300; --warn-ground: #fdf1dc; --bad: #b3261e;
  --bad-ground: #fbe9e7; --served: #0b7a57; --passed: #0072b2; --rejected: #c0392b; --reference: #6b7681;
  --refused: rgb(179 38 30 / 7%);
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161b; --card: #1a2027; --line: #2c343d; --ink: #e6eaee; --soft: #9ba7b3; --accent: #6cb6f2;
    --good: #6fd3ae; --good-ground: #15332a; --warn: #f0b65a; --warn-ground: #38290f; --bad: #ff8a80;
    --bad-ground: #3d1c1a; --served: #35c495; --passed: #56b4e9; --rejected: #ff7b6e; --reference: #8d99a5;
    --refused: rgb(255 138 128 / 9%);
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 var(--font);
  font-variant-numeric: tabular-nums; }
header, main { max-width: 1200px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
main { padding-bottom: 56px; }
h1, h2, h3, p, ul, ol, dl, dd, figure { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h1 { font-size: 17px; font-weight: 600; color: var(--soft); overflow-wrap: anywhere; }
h2 { font-size: 19px; font-weight: 650; margin: 34px 0 12px; }
h3 { font-size: 15px; font-weight: 650; overflow-wrap: anywhere; }
code, .mono { font-family: var(--mono); font-size: 13px; overflow-wrap: anywhere; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
#verdict { margin-top: 4px; font-size: clamp(21px, 3.2vw, 30px); line-height: 1.25; font-weight: 650;
  letter-spacing: -.01em; overflow-wrap: anywhere; }
.lead { margin-top: 8px; color: var(--soft); max-width: 76ch; overflow-wrap: anywhere; }
.help { color: var(--soft); font-size: 13px; margin-top: 2px; max-width: 76ch; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 20px; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 10px 14px;
  min-width: 0; }
.tiles dt { color: var(--soft); font-size: 13px; }
.tiles dd { font-size: 20px; font-weight: 650; overflow-wrap: anywhere; }
.tiles dd small { display: block; font-size: 13px; font-weight: 400; color: var(--soft); }
.notice { margin-top: 14px; padding: 10px 14px; border-radius: 10px; background: var(--warn-ground);
  color: var(--warn); overflow-wrap: anywhere; }
.notice li + li { margin-top: 4px; }
.notes li { overflow-wrap: anywhere; }
.notes li + li { margin-top: 6px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; min-width: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px;
  align-items: start; }
.small { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 240px), 1fr)); gap: 16px; }
figcaption { margin-bottom: 12px; }
.pairs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 16px; }
.pairs dl { display: grid; grid-template-columns: minmax(96px, auto) 1fr; gap: 4px 14px; margin-top: 8px;
  font-size: 14px; }
.pairs dt { color: var(--soft); overflow-wrap: anywhere; }
.pairs dd { overflow-wrap: anywhere; min-width: 0; }

table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 8px 10px; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: 13px; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.candidate { font-weight: 600; overflow-wrap: anywhere; min-width: 26ch; }
.why { font-weight: 400; font-size: 13px; color: var(--soft); }
.why::first-letter { text-transform: uppercase; }
.chip { display: inline-block; padding: 0 9px; border-radius: 999px; background: var(--line); font-size: 13px;
  font-weight: 600; }
.chip.served, .chip.passed { background: var(--good-ground); color: var(--good); }
.chip.rejected, .chip.failed { background: var(--bad-ground); color: var(--bad); }
.scroll { overflow: auto; max-height: 420px; margin-top: 10px; }
details { margin-top: 16px; }
details summary { cursor: pointer; font-weight: 600; }
details > :not(summary) { margin-top: 12px; }
@media (max-width: 960px) {
  .tried thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .tried, .tried tbody, .tried tr, .tried td { display: block; }
  .tried tr { padding: 10px 0; border-top: 1px solid var(--line); }
  .tried tr:first-child { border-top: 0; padding-top: 0; }
  .tried td { display: flex; justify-content: space-between; gap: 16px; padding: 2px 0; border: 0; text-align: right;
    white-space: normal; min-width: 0; }
  .tried td::before { content: attr(data-title); color: var(--soft); font-weight: 400; text-align: left; flex: none; }
  .tried td.empty { display: none; }
  .tried td.candidate { display: block; text-align: left; min-width: 0; }
  .tried td.candidate::before { content: none; }
}

svg { display: block; overflow: visible; }
svg text { fill: var(--soft); font: 12px var(--font); }
svg .rule { stroke: var(--line); }
.plot { display: grid; grid-template-columns: 40px minmax(0, 1fr); gap: 8px; padding: 6px 8px 0 0; }
.axis-title { color: var(--soft); font-size: 12px; margin-bottom: 4px; }
.axis-title.below { text-align: right; margin: 2px 0 0; }
.refused { fill: var(--refused); }
.bound { stroke: var(--bad); stroke-dasharray: 5 3; }
.bound.faint { stroke: var(--warn); stroke-dasharray: 2 4; }
svg text.said { fill: var(--ink); font-size: 11px; }
svg text.said, svg text.number { paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
svg text.number { fill: var(--ink); font-weight: 650; }
.kind-served { --kind: var(--served); } .kind-passed { --kind: var(--passed); }
.kind-rejected { --kind: var(--rejected); } .kind-reference { --kind: var(--reference); }
.kind-plain { --kind: var(--passed); }
.dot { fill: var(--kind); stroke: var(--card); stroke-width: 1.5px; }
.ring { fill: none; stroke: var(--kind); stroke-width: 2px; }
.whisker { stroke: var(--kind); stroke-width: 2px; opacity: .55; }
.cross { stroke: var(--kind); stroke-width: 2.5px; stroke-linecap: round; }
.bar { fill: var(--kind); } .beyond { fill: var(--kind); opacity: .4; }
.bars li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 12px; font-size: 13px; }
.bars li + li { margin-top: 8px; }
.bars .name { overflow-wrap: anywhere; }
.bars .value { color: var(--soft); text-align: right; white-space: nowrap; }
.bars svg { grid-column: 1 / -1; margin-top: 2px; }
.foot { margin-top: 6px; }
.histogram rect { fill: var(--passed); }
.curve { stroke: var(--passed); stroke-width: 2px; } .curve-dot { fill: var(--passed); }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-bottom: 12px; font-size: 13px; }
.key li { min-width: 0; overflow-wrap: anywhere; }
.key b { color: var(--kind); }
@media print {
  body { background: #fff; } .card { break-inside: avoid; } .scroll { max-height: none; overflow: visible; }
}
"""
