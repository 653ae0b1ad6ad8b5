"""The look of the HTML report, by day and by night; it needs nothing from the network."""

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --page: #f7f5f2; --card: #ffffff; --ink: #22201d; --soft: #6b655d; --rule: #e6e1d9; --track: #f0ece6;
  --issued: #2a78d6; --redeemed: #1a9a6c; --expired: #e0a016; --reversed: #d9473f;
  --low: #d8c3a5; --high: #4a2c17; --accent: #8a5a34; --streak: #6a5acd;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #171513; --card: #211e1b; --ink: #efeae3; --soft: #a69e93; --rule: #38332e; --track: #2c2824;
    --issued: #5b9ff0; --redeemed: #38bd8b; --expired: #e9b84a; --reversed: #ef6d66;
    --low: #5f4632; --high: #f0cfa2; --accent: #d19a66; --streak: #9a8cf0;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 0 0 2px; }
h3 { font-size: 14px; margin: 22px 0 4px; }
p { margin: 0 0 12px; }
.soft { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; margin: 24px 0; }
.tile, .card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
.tile { padding: 14px 16px; margin: 0; }
.tile dt { color: var(--soft); font-size: 13px; }
.tile dd { margin: 0; font-size: 24px; font-weight: 650; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile dd.note { font-size: 12px; font-weight: 400; color: var(--soft); }
.card { padding: 20px 22px; margin: 0 0 16px; }
.plot { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 620px; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
svg text.number { fill: var(--ink); font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .area { stroke: var(--card); stroke-width: 1; }
svg rect:hover { opacity: 0.8; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; margin: 6px 0 10px; }
.legend { list-style: none; font-size: 13px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px; }
details { margin-top: 10px; }
summary { cursor: pointer; color: var(--soft); font-size: 13px; }
.scroll { overflow: auto; max-height: 380px; margin-top: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { color: var(--soft); font-weight: 600; position: sticky; top: 0; background: var(--card); }
tbody tr:last-child td { border-bottom: 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 0 40px; }
footer { color: var(--soft); font-size: 13px; margin-top: 24px; }
@media print { body { background: none; } .card, .tile { break-inside: avoid; } }
"""
