"""JavaScript that describes elements."""

from __future__ import annotations

MOST_ELEMENTS = 500
"""Elements that are told at once."""

_COMMON = """
const shown = e => {
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  return box.width > 0 && box.height > 0 && style.visibility !== 'hidden'
    && style.display !== 'none' && style.opacity !== '0';
};
const path = e => {
  if (e.id && document.querySelectorAll('#' + CSS.escape(e.id)).length === 1)
    return '#' + CSS.escape(e.id);
  const parts = [];
  for (let at = e; at && at.nodeType === 1; at = at.parentElement) {
    if (at.id && document.querySelectorAll('#' + CSS.escape(at.id)).length === 1) {
      parts.unshift('#' + CSS.escape(at.id));
      break;
    }
    const tag = at.tagName.toLowerCase();
    const alike = at.parentElement
      ? [...at.parentElement.children].filter(c => c.tagName === at.tagName) : [at];
    parts.unshift(alike.length > 1 ? `${tag}:nth-of-type(${alike.indexOf(at) + 1})` : tag);
  }
  return parts.join(' > ');
};
const words = e => (e.innerText || e.value || e.getAttribute('aria-label') || e.placeholder
  || e.title || e.alt || e.name || '').toString().trim().slice(0, 200);
const about = e => {
  const box = e.getBoundingClientRect();
  return {tag: e.tagName.toLowerCase(), text: words(e), selector: path(e), visible: shown(e),
    x: box.left + box.width / 2, y: box.top + box.height / 2, w: box.width, h: box.height};
};
"""

INTERACTIVE = (
    _COMMON
    + """
const wanted = 'a[href], button, input:not([type=hidden]), select, textarea, summary, label[for],'
  + ' [role=button], [role=link], [role=checkbox], [role=radio], [role=tab], [role=menuitem],'
  + ' [role=switch], [role=option], [onclick], [contenteditable=""], [contenteditable=true],'
  + ' [tabindex]:not([tabindex="-1"])';
const elements = [...document.querySelectorAll(wanted)].map(about)
  .filter(e => e.visible || !arguments[0]);
const frames = [...document.querySelectorAll('iframe, frame')].filter(shown).map(e => {
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  return [e, box.left + e.clientLeft + parseFloat(style.paddingLeft),
    box.top + e.clientTop + parseFloat(style.paddingTop)];
});
return [elements, frames];
"""
)
"""[elements, frames with where their pages begin]."""

DESCRIBE = (
    _COMMON
    + """
return arguments[0].map(e => ({...about(e),
  attributes: Object.fromEntries([...e.attributes].map(a => [a.name, a.value])),
  value: 'value' in e ? e.value : null, checked: 'checked' in e ? e.checked : null}));
"""
)
"""Elements, described."""
