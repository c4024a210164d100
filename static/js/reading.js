// A text as people read it and as programs count it: code points and UTF-16 units, words and signs.

/** Code points before each UTF-16 unit; none where the text has no character beyond the basic plane: then both are the same. */
function pointsOf(text) {
  if (!/[\ud800-\udfff]/.test(text)) return null;
  const points = new Uint32Array(text.length + 1);
  for (let unit = 0, point = 0; unit < text.length; point += 1) {
    const width = text.codePointAt(unit) > 0xffff ? 2 : 1;
    points.fill(point, unit, unit + width);
    unit += width;
    points[unit] = point + 1;
  }
  return points;
}

export class Ruler {
  constructor(text) {
    this.points = pointsOf(text);
  }

  point(unit) {
    return this.points ? this.points[unit] : unit;
  }

  unit(point) {
    if (!this.points) return point;
    let low = 0;
    for (let high = this.points.length - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.points[middle] < point) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const WORDS = new Intl.Segmenter(undefined, { granularity: "word" });
const SIGNS = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Where words and signs of a text begin and end. */
export class Reader {
  constructor(text) {
    this.text = text;
    this.words = WORDS.segment(text);
    this.signs = SIGNS.segment(text);
  }

  wordAt(at) {
    const found = this.words.containing(at);
    return found?.isWordLike ? [found.index, found.index + found.segment.length] : null;
  }

  /** The word at or after a place, else none. */
  wordFrom(at) {
    for (let next = at; next < this.text.length; ) {
      const found = this.words.containing(next);
      if (found.isWordLike) return [found.index, found.index + found.segment.length];
      next = found.index + found.segment.length;
    }
    return null;
  }

  /** The word that ends at or before a place, or holds it, else none. */
  wordUpTo(at) {
    for (let last = at - 1; last >= 0; ) {
      const found = this.words.containing(last);
      if (found.isWordLike) return [found.index, found.index + found.segment.length];
      last = found.index - 1;
    }
    return null;
  }

  sign(at, by) {
    const found = this.signs.containing(by > 0 ? at : at - 1);
    if (!found) return at;
    return by > 0 ? found.index + found.segment.length : found.index;
  }

  /** A range without white space at its ends, grown to whole words or whole signs. */
  snapped([start, end], toWords) {
    const around = (at) => (toWords ? this.wordAt(at) : null) ?? this.bounds(at);
    while (start < end && /\s/.test(this.text[start])) start += 1;
    while (end > start && /\s/.test(this.text[end - 1])) end -= 1;
    return start < end ? [around(start)[0], around(end - 1)[1]] : [start, end];
  }

  bounds(at) {
    const found = this.signs.containing(at);
    return [found.index, found.index + found.segment.length];
  }
}
