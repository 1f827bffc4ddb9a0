"""The workbench's style sheet: JupyterLab's own colours, so that the dark theme is dark."""

from __future__ import annotations

from .tabs.across import point_rules

# Below this width of the workbench, or of the window, the controls fold away.
_NARROW, _SMALL_SCREEN = "52em", "1100px"
_FOLDED = """
  .wpbench-controls { display: none; }
  .wpbench-main { flex-flow: column; }
  .wpbench-results { flex: none; }
  .wpbench-flipped .wpbench-controls { display: grid; flex: none; column-gap: 16px;
    grid-template-columns: repeat(auto-fill, minmax(17em, 1fr)); }
"""
_TEXT = "color: var(--jp-ui-font-color1, black);"
_BORDER = "var(--jp-border-color2, silver)"
# Figures are dark on white in either theme.
STYLE = f"""<style>
.wpbench {{ container-type: inline-size; line-height: 1.35; {_TEXT} }}
.wpbench .jupyter-widgets {{ margin-top: 0; margin-bottom: 0; }}
.wpbench .widget-html-content, .wpbench .widget-html {{ line-height: 1.35; min-height: 0; }}
.wpbench p {{ margin: 0; }}
.wpbench > .widget-html:first-child {{ display: none; }}

/* Labels of the bar stand above, so that five controls fit beside each other. */
.wpbench-bar {{ flex-flow: row wrap; gap: 2px 12px; align-items: flex-start;
  border-bottom: 1px solid {_BORDER}; padding-bottom: 5px; margin-bottom: 5px; }}
.wpbench-bar > :is(.widget-inline-hbox, .widget-radio) {{ flex-direction: column;
  align-items: stretch;
  height: auto; flex: 1 1 8.5em; min-width: 0; max-width: 19em; margin: 0; }}
.wpbench-bar > .widget-radio.widget-radio {{ flex: 0 0 auto; }}
.wpbench-bar > * > .widget-label {{ max-width: none; margin: 0;
  text-align: left; height: 20px; line-height: 20px; }}
.wpbench-bar > * > select {{ flex: none; width: 100%; height: 28px; }}
.wpbench-bar .widget-radio-box, .wpbench-bar .widget-radio-box > div {{ display: flex;
  flex-flow: row nowrap; gap: 0 12px; padding: 0; height: 28px; margin: 0; }}
.wpbench-bar .widget-radio-box label {{ display: flex; flex-flow: row-reverse;
  align-items: center; margin: 0; width: auto; height: 28px; line-height: 28px;
  white-space: nowrap; }}
.wpbench-bar .widget-radio-box input {{ float: none; position: static; margin: 0 4px 0 0; }}

.wpbench-main {{ flex-flow: row nowrap; align-items: stretch; gap: 12px; }}
.wpbench-controls {{ flex: 0 0 17.5em; overflow: visible; }}
.wpbench-controls .widget-label {{ text-align: left; }}
.wpbench-results {{ flex: 1 1 0; min-width: 0; }}
.wpbench-bar > .wpbench-fold {{ width: auto; flex: 0 0 auto; margin: 20px 0 0 auto; }}
.wpbench-flipped .wpbench-controls {{ display: none; }}
@media (max-width: {_SMALL_SCREEN}) {{ {_FOLDED} }}
@container (max-width: {_NARROW}) {{ {_FOLDED}
  .wpbench .widget-tab > .lm-TabBar .lm-TabBar-tab {{ padding: 0 5px; font-size: 12px; }}
}}

.wpbench .widget-tab > .lm-TabBar .lm-TabBar-tab {{ flex: 0 1 auto; min-width: 0; }}
.wpbench .widget-tab > .lm-TabBar .lm-TabBar-tabLabel {{ padding: 0 2px; }}
.wpbench .widget-tab-contents {{ padding: 6px !important; overflow: auto;
  min-height: 25em; max-height: 560px; }}

.wpbench-headline p {{ {_TEXT} }}
.wpbench-headline p:first-child {{ font-size: 118%; }}
.wpbench-note, .wpbench details, .wpbench-note a {{ {_TEXT} font-size: 12px; margin: 2px 0; }}
.wpbench details dt {{ font-weight: bold; }}
.wpbench details dd {{ margin: 0 0 3px 1em; }}
.wpbench-title {{ {_TEXT} font-weight: bold; }}
.wpbench-alert {{ border: 2px solid var(--jp-error-color1, #b00020); padding: 4px 8px; {_TEXT} }}
.wpbench a {{ text-decoration: underline; }}
.wpbench-file {{ {_TEXT} line-height: 28px; padding-left: 8px; }}

.wpbench-numbers, .wpbench-table {{ border-collapse: collapse; font-size: 12px;
  font-variant-numeric: tabular-nums; {_TEXT} }}
.wpbench-numbers caption {{ text-align: left; {_TEXT} padding: 4px 0; }}
.wpbench-numbers th, .wpbench-numbers td, .wpbench-table th, .wpbench-table td {{
  padding: 1px 12px 1px 0; text-align: right; border-bottom: 1px solid {_BORDER}; }}
.wpbench-numbers th[scope=row] {{ text-align: left; font-weight: normal; white-space: nowrap; }}
.wpbench-table th:first-child, .wpbench-table td:first-child,
.wpbench-table th:nth-child(2), .wpbench-table td:nth-child(2) {{ text-align: left; }}
.wpbench-table thead th {{ position: sticky; top: 0;
  background: var(--jp-layout-color1, white); }}
.wpbench-numbers td, .wpbench-table td {{ white-space: nowrap; }}
.wpbench-scroll {{ max-height: 440px; overflow: auto; }}
.wpbench-explained, .wpbench-parameters {{ font-size: 12px; line-height: 1.3; overflow: auto;
  max-height: 300px; margin: 0; {_TEXT} background: transparent; }}

.wpbench-figure {{ width: 100%; max-width: 56em; background: white; display: block; }}
.wpbench-picture {{ position: relative; display: block; max-width: 78em; overflow: hidden;
  background: white; }}
.wpbench-picture > .widget-html {{ margin: 0; }}
.wpbench-picture .wpbench-figure {{ max-width: none; }}
.wpbench-picture > .widget-html:nth-child(2) {{ position: absolute; inset: 0; }}
.wpbench-picture > .widget-html:nth-child(2) .wpbench-figure {{ background: transparent; }}
.wpbench-points {{ position: absolute; inset: 0; display: block; overflow: hidden; }}
.wpbench-points > button {{ position: absolute; margin: 0; padding: 0; min-width: 0;
  height: auto; width: auto; cursor: pointer; }}
.wpbench-points > button:hover {{ box-shadow: inset 0 0 0 1px #0072B2; }}
{point_rules()}
</style>"""
