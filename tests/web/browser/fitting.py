"""Looks for text that is cut, covered or out of reach, for states that have no line of their own, and for small targets."""

from typing import Final

from playwright.sync_api import Page

# What stands in each way of a text: an ancestor that cuts it, the edge of the screen, another text.
_CUT: Final = """() => {
  const faults = [], rects = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push('the page is wider than the screen');
  const named = text => text.trim().replace(/\\s+/g, ' ').slice(0, 60);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest('.visually-hidden, .skip, option, optgroup, datalist, textarea')) continue;
    if (!parent.checkVisibility({visibilityProperty: true})) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    let cutters = [], scrolls = false;
    for (let one = parent; one && one !== document.body; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (['auto', 'scroll'].includes(style.overflowX)) { scrolls = true; break; }
      if (style.clipPath !== 'none') { cutters = null; break; }
      if (['hidden', 'clip'].includes(style.overflowX)) cutters.push(one.getBoundingClientRect());
    }
    if (cutters === null) continue;
    for (const word of node.data.matchAll(/(?<!\\S)[^\\s@/–-]{2,14}(?!\\S)/gu)) {
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      if (range.getClientRects().length > 1) faults.push('broken: ' + named(node.data));
    }
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      if (rect.width < 1) continue;
      if (!scrolls && (rect.right > innerWidth + 1 || rect.left < -1)) faults.push('out of reach: ' + named(node.data));
      if (cutters.some(cutter => rect.right > cutter.right + 2 || rect.bottom > cutter.bottom + 6))
        faults.push('cut: ' + named(node.data));
      rects.push({rect, node});
    }
  }
  if (innerWidth <= 640)
    for (const cards of document.querySelectorAll('.table-wrap:has(> .stacked)'))
      if (cards.scrollWidth > cards.clientWidth + 1) faults.push('cards that scroll sideways: ' + cards.ariaLabel);
  for (const field of document.querySelectorAll('input, select, textarea')) {
    if (!field.checkVisibility() || ['checkbox', 'radio', 'hidden', 'file'].includes(field.type)) continue;
    if (field.clientHeight < parseFloat(getComputedStyle(field).fontSize) * 1.2) faults.push('low field: ' + field.name);
    if (field.placeholder && field.scrollWidth > field.clientWidth + 1) faults.push('cut: ' + field.placeholder);
  }
  rects.sort((one, other) => one.rect.top - other.rect.top);
  rects.forEach(({rect, node}, at) => {
    for (let next = at + 1; next < rects.length && rects[next].rect.top < rect.bottom; next++) {
      const other = rects[next];
      if (other.node === node) continue;
      const width = Math.min(rect.right, other.rect.right) - Math.max(rect.left, other.rect.left);
      const height = Math.min(rect.bottom, other.rect.bottom) - other.rect.top;
      if (width > 2 && height > 0.4 * Math.min(rect.height, other.rect.height))
        faults.push(`one over the other: ${named(node.data)} / ${named(other.node.data)}`);
    }
  });
  return [...new Set(faults)].slice(0, 8);
}"""

# A sheet that scripts construct: the pages' security policy lets no other in.
_SPACING: Final = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }'
    + ' p { margin-bottom: 2em !important }');
  document.adoptedStyleSheets = [sheet];
}"""

# Lines and surfaces alone: neither the weight of letters nor a colour that the page wished for counts.
_UNSEEN: Final = """() => {
  const faults = [];
  const seen = element => {
    const style = getComputedStyle(element);
    return ['backgroundColor', 'color', 'borderTopColor', 'borderBottomColor', 'borderBottomStyle', 'borderBottomWidth',
      'textDecorationLine', 'outlineStyle'].map(name => style[name]).join();
  };
  const all = selector => [...document.querySelectorAll(selector)].filter(one => one.checkVisibility());
  const named = element => element.outerHTML.replace(/\\s+/g, ' ').slice(0, 90);
  for (const current of all('nav [aria-current]')) {
    const others = [...current.closest('nav').querySelectorAll('a:not([aria-current])')]
      .filter(one => one.className === current.className && one.checkVisibility());
    if (others.some(other => seen(other) === seen(current))) faults.push('like the others: ' + named(current));
  }
  for (const box of all('.badge, .notice, .warning, .error, .success')) {
    const style = getComputedStyle(box);
    if (style.borderTopStyle === 'none' || style.borderTopWidth === '0px') faults.push('without a line: ' + named(box));
  }
  for (const field of all('[aria-invalid=true]'))
    if (getComputedStyle(field).borderTopStyle !== 'double') faults.push('wrong, and looks like the others: ' + named(field));
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = 'Canvas';
  const canvas = getComputedStyle(probe).color;
  probe.remove();
  for (const shape of all('figure rect, figure polyline, figure text, .chart line')) {
    const style = getComputedStyle(shape);
    const colour = ['line', 'polyline'].includes(shape.tagName) ? style.stroke : style.fill;
    if (colour === canvas || colour === 'none') faults.push('not drawn: ' + named(shape));
  }
  for (const picture of all('.chart svg')) {
    const dashes = [...picture.querySelectorAll('polyline')].map(line => getComputedStyle(line).strokeDasharray);
    if (new Set(dashes).size < dashes.length) faults.push('lines that look alike');
  }
  return [...new Set(faults)].slice(0, 8);
}"""

_UNFOCUSED: Final = """() => {
  const faults = [];
  for (const one of document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')) {
    if (one.disabled || one.type === 'hidden' || !one.checkVisibility({visibilityProperty: true})) continue;
    one.focus({preventScroll: true});
    const style = getComputedStyle(one);
    if (document.activeElement === one && (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2))
      faults.push('no focus seen: ' + one.outerHTML.slice(0, 90));
  }
  return [...new Set(faults)].slice(0, 8);
}"""

# Links within a sentence, and those with room around them, may be smaller: axe-core judges those.
_SMALL: Final = """() => {
  const faults = [];
  for (const one of document.querySelectorAll('.button, nav.main a, select, textarea, input:not([type=hidden])')) {
    if (!one.checkVisibility()) continue;
    const least = ['checkbox', 'radio'].includes(one.type) ? 24 : 44;
    const {width, height} = one.getBoundingClientRect();
    if (Math.min(width, height) < least - 0.5 && width > 1)
      faults.push(`${Math.round(width)} x ${Math.round(height)}: ${one.outerHTML.replace(/\\s+/g, ' ').slice(0, 90)}`);
  }
  return [...new Set(faults)].slice(0, 8);
}"""

# Buttons of a kind in several rows are one.
_LOUD: Final = """() => {
  const texts = new Set([...document.querySelectorAll('main .button:not(.secondary, .plain, .danger)')]
    .filter(one => one.checkVisibility()).map(one => one.firstChild.data?.trim()));
  return texts.size > 1 ? ['more than one button stands out: ' + [...texts].join(', ')] : [];
}"""


def cut(page: Page) -> list[str]:
    """Return what cannot be read at this width."""
    return list(page.evaluate(_CUT))


def cut_when_spaced(page: Page) -> list[str]:
    """Return what cannot be read when the reader widens the spacing as WCAG 1.4.12 says."""
    page.evaluate(_SPACING)
    found = list(page.evaluate(_CUT))
    page.evaluate("() => { document.adoptedStyleSheets = [] }")
    # A word that no longer fits beside its label may go on below.
    return [fault for fault in found if not fault.startswith("broken: ")]


def unseen(page: Page) -> list[str]:
    """Return which states look alike where the system chooses the colours."""
    page.emulate_media(forced_colors="active")
    found = list(page.evaluate(_UNSEEN))
    # What has the focus shows it once the keyboard is in use.
    page.keyboard.press("Tab")
    found += page.evaluate(_UNFOCUSED)
    page.emulate_media(forced_colors="none")
    return found


def small(page: Page) -> list[str]:
    """Return what a finger misses."""
    return list(page.evaluate(_SMALL))


def loud(page: Page) -> list[str]:
    """Return the buttons that stand out, if there is more than one."""
    return list(page.evaluate(_LOUD))


def faults(page: Page) -> list[str]:
    """Return all of it."""
    return [*cut(page), *small(page), *loud(page), *cut_when_spaced(page), *unseen(page)]
